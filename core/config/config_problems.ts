/** The problems of a config, each described in one line. @module */
import type { z } from "zod";
import { hasCredentials } from "../safe_text.ts";
import { BEST_METRICS, type JudgeKind } from "./choices.ts";
import type { ResolvedConfig } from "./config_types.ts";
import { nearestWord } from "./nearest_word.ts";
import { answerTo } from "./unknown_key.ts";
import { isMapping, type Path, show } from "./yaml_source.ts";

/** One problem at one place. */
export interface Problem {
  /** The place. */
  path: Path;
  /** What is there, and what should be. */
  message: string;
  /** Whether the key is wrong, as opposed to its value. */
  key: boolean;
}

type Issue = z.core.$ZodIssue;

/** The number of unknown keys of one mapping for which the nearest known key is looked up. */
const SUGGESTIONS = 100;

const TYPE_NAMES: Record<string, string> = {
  int: "integer",
  object: "a mapping",
  array: "a list",
  boolean: "true or false",
  string: "text",
};

/** A judge that is no choice of who writes a config: it is what a program's run records of the judge that it was given. */
const GIVEN: JudgeKind = "function";

function either(choices: string[]): string {
  return choices.length < 2 ? choices.join("") : `${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}`;
}

/** More choices than these are told after what was probably meant, and each in one spelling. */
const MOST_CHOICES = 8;

/** Of many words that may stand with `eval_` or without, and with `/` or `_`, the first spelling of each. */
function firstSpellings<T>(values: readonly T[]): T[] {
  if (values.length <= MOST_CHOICES) return [...values];
  const plain = (value: T): string => String(value).replace(/^eval_/, "").replaceAll("/", "_");
  return [...new Map(values.toReversed().map((value) => [plain(value), value])).values()].reverse();
}

/** What was expected, such as `integer ≥ 1`. */
function expected(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return TYPE_NAMES[issue.expected] ?? issue.expected;
    case "invalid_value":
      return either(
        firstSpellings(issue.values).filter((value) => value !== GIVEN).map((value) => JSON.stringify(value)),
      );
    case "too_small":
      if (issue.origin === "array") return "at least one entry";
      if (issue.origin === "string") return "text that is not empty";
      return `a number ${issue.inclusive ? "≥" : ">"} ${issue.minimum}`;
    case "too_big":
      return `a number ${issue.inclusive ? "≤" : "<"} ${issue.maximum}`;
    default:
      return issue.message;
  }
}

/** Whether an issue says that the whole value is of another kind than the branch of a union expects. */
function isOtherKind(issue: Issue): boolean {
  if (issue.path.length > 0) return false;
  return issue.code === "invalid_type" || issue.code === "invalid_value" || issue.code === "invalid_format" ||
    (issue.code === "invalid_union" && issue.errors.every((branch) => branch.some(isOtherKind)));
}

/** The kinds that the branches of a union accept, without lists: a message need not say that a list is possible too. */
function expectedOfUnion(branches: readonly (readonly Issue[])[]): string[] {
  return branches.flatMap((branch) => branch).flatMap((issue) => {
    if (issue.code === "invalid_union") return expectedOfUnion(issue.errors);
    return issue.code === "invalid_type" && issue.expected === "array" ? [] : [expected(issue)];
  });
}

/** The value at a path in plain data; undefined if there is none. */
export function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) {
    if (Array.isArray(value)) value = value[Number(step)];
    else if (isMapping(value)) value = value[step];
    else return undefined;
  }
  return value;
}

function problemsOf(issue: Issue, base: Path, raw: unknown): Problem[] {
  const path: Path = [...base, ...issue.path.map((step) => typeof step === "number" ? step : String(step))];
  if (issue.code === "unrecognized_keys") {
    const parent = path.filter((step) => typeof step === "string").join(".");
    return issue.keys.map((key, i) => ({
      path: [...path, key],
      // Finding the nearest of all keys takes time, and nobody reads hundreds of problems.
      message: `unknown key${i < SUGGESTIONS ? `, ${answerTo(parent, key)}` : ""}`,
      key: true,
    }));
  }
  const value = valueAt(raw, path);
  const meant = suggestion(value, issue);
  const got = `got ${show(value)}${meant}`;
  const branch = issue.code === "invalid_union" && issue.errors.find((branch) => !branch.some(isOtherKind));
  if (branch) return branch.flatMap((inner) => problemsOf(inner, path, raw));
  const what = issue.code === "invalid_union" ? either(expectedOfUnion(issue.errors)) : expected(issue);
  // After many words nobody would read what was probably meant.
  const isLong = meant !== "" && choicesOf(issue).length > MOST_CHOICES;
  return [{ path, message: isLong ? `${got} (expected ${what})` : `expected ${what}, ${got}`, key: false }];
}

/** The words that an issue's branches accept. */
function choicesOf(issue: Issue): string[] {
  if (issue.code === "invalid_union") return issue.errors.flatMap((branch) => branch.flatMap(choicesOf));
  return issue.code === "invalid_value" ? issue.values.filter((choice) => typeof choice === "string") : [];
}

function suggestion(value: unknown, issue: Issue): string {
  const nearest = typeof value === "string" ? nearestWord(value, choicesOf(issue)) : undefined;
  return nearest === undefined ? "" : `, did you mean "${nearest}"?`;
}

/** Keys of texts for a model, in which any address may stand, and of addresses, which are checked on their own. */
const NOT_NAMES = new Set(["prompt", "template", "system_prompt", "base_url", "server"]);

/** Where names of models, data and files hold a user name or password; no message repeats one. */
export function credentialProblems(value: unknown, path: Path = []): Problem[] {
  if (typeof value === "string") {
    const expected = path.at(-1) === "mlflow_tracking_uri"
      ? "one without, and them in MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
      : "a local path or org/name";
    const message = `is an address with a user name or password, expected ${expected}`;
    return hasCredentials(value) ? [{ path, message, key: false }] : [];
  }
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    NOT_NAMES.has(key) ? [] : credentialProblems(item, [...path, Array.isArray(value) ? Number(key) : key])
  );
}

/** The problems behind a failed parse of `raw`. */
export function schemaProblems(issues: readonly Issue[], raw: unknown): Problem[] {
  return issues.flatMap((issue) => problemsOf(issue, [], raw));
}

/** The problems of settings that are valid one by one, but contradict each other. */
export function contradictions(config: ResolvedConfig): Problem[] {
  const problems: Problem[] = [];
  const add = (path: string, message: string) => {
    const steps = path.split(".").map((step) => /^\d+$/.test(step) ? Number(step) : step);
    problems.push({ path: steps, message, key: false });
  };
  const { method, training, noise } = config;
  if (method === "sft" && training.loss_type !== "sft") {
    add("training.loss_type", `method sft has loss_type sft, got ${show(training.loss_type)}`);
  }
  const hasNoise = [noise].flat().some((entry) => entry !== "none" && entry.update !== "none");
  if (hasNoise && (method !== "dnpo" || training.loss_type === "sft")) {
    const what = method !== "dnpo" ? `method ${method}` : "loss_type sft";
    add("noise", `${what} is without noise, expected "none" (or another ${what.split(" ")[0]})`);
  }
  if (training.label_smoothing > 0 && training.loss_type !== "robust") {
    add(
      "training.label_smoothing",
      `is ${training.label_smoothing} with loss_type ${training.loss_type}, expected 0 (or loss_type: robust)`,
    );
  }
  if (training.warmup_ratio > 0 && training.warmup_steps > 0) {
    add("training.warmup_ratio", `is ${training.warmup_ratio} where warmup_steps is set too, expected one of them`);
  }
  if (training.eval_steps !== undefined && config.data.eval === undefined) {
    add("training.eval_steps", `is ${training.eval_steps} without held-out rows, expected data.eval set (or null)`);
  }
  for (const [key, message] of pickingProblems(config)) add(key, message);
  for (const [place, keys] of askingKeys(config)) {
    for (const [key, problem] of Object.entries(askingProblems(keys))) add(`${place}.${key}`, problem);
  }
  return problems;
}

/** The problems of telling iterations better or worse by an evaluation: it must be made, and have the number. */
function pickingProblems(
  { training, data, labels, iterations, evaluate }: ResolvedConfig,
): [key: string, message: string][] {
  const { load_best_model_at_end: handsOutBest, early_stopping_patience: patience, metric_for_best_model } = training;
  if (!handsOutBest && patience === undefined) return [];
  const [key, value, off] = handsOutBest
    ? ["training.load_best_model_at_end", handsOutBest, "false"]
    : ["training.early_stopping_patience", patience, "null"];
  const metric = metric_for_best_model ?? "eval_loss";
  if (metric.includes("/")) {
    if (evaluate !== undefined) return [];
    const [nearest] = [nearestWord(metric, Object.keys(BEST_METRICS))].filter((word) => word !== undefined);
    return [[
      "training.metric_for_best_model",
      `is ${metric} without benchmarks, expected evaluate.tasks set with its task` +
      (nearest === undefined ? " (or eval_loss)" : ` (or ${nearest})`),
    ]];
  }
  if (data.eval === undefined) {
    const without = evaluate === undefined
      ? `${value} without held-out rows`
      : `${value} by ${metric} without held-out rows`;
    const or = evaluate === undefined ? off : `metric_for_best_model: TASK/METRIC of evaluate, or ${off}`;
    return [[key, `is ${without}, expected data.eval set (or ${or})`]];
  }
  const isMeasured = [labels].flat().slice(0, iterations).every(({ verifier }) => verifier !== undefined);
  // Whether rows are pairs is known once they are read.
  if (metric.startsWith("eval_") || isMeasured) return [];
  const expected = "expected labels.verifier set, which it is measured with (or eval_loss)";
  return [["training.metric_for_best_model", `is ${metric} without a verifier, ${expected}`]];
}

/** The sections that may name a server, with their places. */
function askingKeys({ generation, labels }: ResolvedConfig): [string, ServerKeys][] {
  const judges = (Array.isArray(labels) ? labels : [labels]).flatMap((entry, i): [string, ServerKeys][] => {
    const place = Array.isArray(labels) ? `labels.${i}` : "labels";
    const members = (entry.judges ?? []).map((judge, j): [string, ServerKeys] => [`${place}.judges.${j}`, judge]);
    return [[place, entry], ...members];
  });
  return [["generation", generation], ...judges];
}

interface ServerKeys {
  base_url?: string;
  server?: string | string[];
  api_key_env?: string;
  api_key_file?: string;
}

/** The problems, by key. No message repeats a value, which may be a password or API key in the wrong place. */
function askingProblems({ base_url, server, api_key_env, api_key_file }: ServerKeys): Record<string, string> {
  const problems: Record<string, string> = {};
  const address = (key: string, text: string): void => {
    const url = URL.parse(text);
    if (url === null || !/^https?:$/.test(url.protocol)) {
      problems[key] = "expected an address that begins with http:// or https://, such as http://127.0.0.1:8000/v1";
    } else if (url.username !== "" || url.password !== "" || url.search !== "") {
      problems[key] =
        "expected an address without user name, password and ?… (keys go into api_key_env or api_key_file)";
    }
  };
  if (base_url !== undefined) address("base_url", base_url);
  if (typeof server === "string") address("server", server);
  else server?.forEach((text, i) => address(`server.${i}`, text));
  if (api_key_env !== undefined && !/^[A-Za-z_]\w*$/.test(api_key_env)) {
    problems.api_key_env = "expected the name of an environment variable, such as OPENAI_API_KEY";
  } else if (api_key_env !== undefined && api_key_file !== undefined) {
    problems.api_key_env = "is set where api_key_file is set too, expected one of them";
  }
  return problems;
}
