/** The config that `dnpo init` writes: the keys that users change first, each with the schema's description. @module */
import { Document, isNode, isPair, type Scalar } from "yaml";
import { type JudgeKind, JUDGES, type Method } from "../core/config/choices.ts";
import { knownKeys } from "../core/config/config_keys.ts";
import { keyNeededBy } from "../core/config/judge_config.ts";
import { safeLine } from "../core/safe_text.ts";

/** A judge that a few answers describe; an ensemble's members must be written by hand. */
export type StarterJudge = Exclude<JudgeKind, "ensemble" | "function">;

/** What `dnpo init` asks. */
export interface Answers {
  model: string;
  data: string;
  method: Method;
  judge: StarterJudge;
  verifier?: string;
  /** Folder or hub name of the judging model; for judge llm, its name on the server. */
  judgeModel?: string;
  iterations: number;
  /** Rows to measure on; if absent, nothing is measured. */
  heldOut?: string;
  /** Whether adapters are trained rather than all weights. */
  lora?: boolean;
  /** The most tokens that the model was made for, if that is known. */
  positions?: number;
  /** The run's folder; if absent, it is named after the file. */
  output?: string;
}

/** The judges to choose from; human, with which nothing is judged, comes last. */
export function judgeChoices(): StarterJudge[] {
  const judges = JUDGES.filter((judge) => judge !== "ensemble" && judge !== "function");
  return [...judges.filter((judge) => judge !== "human"), "human"];
}

/** The answers that judges need: the key of `labels`, the field of {@linkcode Answers}, and the flag of each. */
const NEEDS = [
  { name: "verifier", key: "verifier", flag: "--verifier" },
  { name: "model", key: "judgeModel", flag: "--judge-model" },
  { name: "server_model", key: "judgeModel", flag: "--judge-model" },
] as const;

/** The answers that a judge needs. */
export function neededBy(judge: StarterJudge): typeof NEEDS[number][] {
  return NEEDS.filter(({ name }) => name === keyNeededBy(judge));
}

/** Keys that are written with their defaults, besides those that were answered. */
const SHOWN = [
  "data.max_length",
  "generation.temperature",
  "generation.max_new_tokens",
  "training.learning_rate",
  "training.per_device_train_batch_size",
  "training.gradient_accumulation_steps",
  "training.num_train_epochs",
  "training.beta",
  "noise.update",
  "noise.learning_rate",
  "noise.max_variance",
  "noise.alpha",
] as const;

/** The text of a config with these answers. */
export function writeStarter(answers: Answers, { path, schemaFile }: { path: string; schemaFile: string }): string {
  const { method, iterations } = answers;
  const settings: Record<string, unknown> = {
    model: answers.model,
    ...(answers.output !== undefined && { output_dir: answers.output }),
    method,
    iterations,
    data: { train: answers.data, ...(answers.heldOut !== undefined && { eval: answers.heldOut }) },
    ...(method === "dnpo" && { labels: labelsOf(answers) }),
  };
  for (const key of SHOWN) {
    const [group, name] = key.split(".") as [string, string];
    const generates = method !== "sft";
    if ((group === "generation" && !generates) || (group === "noise" && method !== "dnpo")) continue;
    if (name === "beta" && !generates) continue;
    let value = knownKeys().get(key)?.default;
    if (value === undefined) continue;
    if (key === "data.max_length" && answers.positions !== undefined) {
      value = Math.min(Number(value), answers.positions);
    }
    settings[group] = { ...settings[group] as Record<string, unknown> | undefined, [name]: value };
  }
  if (answers.lora) settings.lora = { r: knownKeys().get("lora.r")?.default };
  const document = new Document(settings);
  const comment = (at: readonly string[]): void => {
    const description = knownKeys().get(at.join("."))?.text;
    const parent: unknown = at.length > 1 ? document.getIn(at.slice(0, -1), true) : document.contents;
    const items: readonly unknown[] = (parent as { items?: unknown[] } | undefined)?.items ?? [];
    for (const item of items) {
      if (!isPair(item) || String((item.key as Scalar).value ?? item.key) !== at.at(-1)) continue;
      if (description && isNode(item.key)) item.key.commentBefore = ` ${description}`;
      if (at.length === 1 && isNode(item.key)) item.key.spaceBefore = true;
    }
  };
  for (const [key, value] of Object.entries(settings)) {
    comment([key]);
    if (typeof value === "object" && value !== null) { for (const name of Object.keys(value)) comment([key, name]); }
  }
  // A newline in the name would end the comment.
  const name = safeLine(path);
  return `# yaml-language-server: $schema=./${schemaFile}
# Made by \`dnpo init\`. All settings and where they come from: dnpo config ${name}
# What a run will take: dnpo plan ${name}; the run: dnpo train ${name}
${document.toString({ lineWidth: 0 })}`;
}

function labelsOf(answers: Answers): Record<string, unknown> {
  const { judge } = answers;
  return {
    judge,
    ...(judge === "llm" && { base_url: knownKeys().get("labels.base_url")?.default }),
    ...Object.fromEntries(neededBy(judge).map(({ name, key }) => [name, answers[key]])),
  };
}
