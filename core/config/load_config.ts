/** Loads a resolved config from a YAML file and overrides. @module */
import { isCollection, isScalar, parseDocument } from "yaml";
import { UserError } from "../error.ts";
import { knownKeys } from "./config_keys.ts";
import { contradictions, credentialProblems, type Problem, schemaProblems, valueAt } from "./config_problems.ts";
import { configSchema } from "./config_schema.ts";
import type { ResolvedConfig } from "./config_types.ts";
import { isMapping, type Mapping, type Path, plain, readSource, type YamlSource } from "./yaml_source.ts";

/** Settings that take precedence over the config file, and settings that the file takes precedence over. */
export interface LoadOptions {
  /** `key=value` with a dotted key and a YAML value, which replaces the file's; `null` restores the default. */
  set?: readonly string[];
  /** Settings that the file's replace, such as an embedded config. */
  defaults?: Readonly<Record<string, unknown>>;
}

const NUMBER = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i;
/** The most problems that an error lists; more lines would help nobody. */
const MAX_PROBLEMS = 20;

/** A resolved setting and its origin. */
export interface Setting {
  /** The dotted path, with list positions: `training.learning_rate.0`. */
  key: string;
  /** The resolved value: a string, a number, a boolean or null, or an empty list. */
  value: unknown;
  /** `default`, `FILE:LINE:COLUMN`, `--set`, `method NAME`, `lora`, or `name of FILE`. */
  from: string;
}

/**
 * Reads a config file, if one is given. `set` replaces its settings, and it replaces those of `defaults`; then the
 * method's preset and the schema's defaults are filled in. Throws a UserError with one line per problem:
 * `config.yaml:4:9 training.beta: expected number, got "x"`.
 *
 * @example
 * ```ts
 * import { loadConfig } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * const config = await loadConfig("examples/quickstart/config.yaml", { set: ["training.beta=0.2"] });
 * assert.equal(config.training.beta, 0.2);
 * // A config needs no file.
 * assert.equal((await loadConfig(undefined, { defaults: { method: "spin" } })).noise, "none");
 * ```
 */
export async function loadConfig(path: string | undefined, options: LoadOptions = {}): Promise<ResolvedConfig> {
  return (await resolve(path, options)).config;
}

/**
 * As {@linkcode loadConfig}, and returns every setting with its origin, in the schema's order.
 *
 * @example
 * ```ts
 * import { explainConfig } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * const { settings } = await explainConfig("examples/quickstart/config.yaml");
 * const beta = settings.find(({ key }) => key === "training.beta")!;
 * assert.deepEqual([beta.value, beta.from], [0.1, "examples/quickstart/config.yaml:19:9"]);
 * ```
 */
export async function explainConfig(
  path: string | undefined,
  options: LoadOptions = {},
): Promise<{ config: ResolvedConfig; settings: Setting[] }> {
  const { config, originOf } = await resolve(path, options);
  return {
    config,
    settings: leavesOf(config, []).map(({ path, value }) => ({ key: path.join("."), value, from: originOf(path) })),
  };
}

async function resolve(
  path: string | undefined,
  { set = [], defaults = {} }: LoadOptions,
): Promise<{ config: ResolvedConfig; originOf: (path: Path) => string }> {
  const source = path === undefined ? undefined : await readSource(path);
  const overrides = set.map(parseOverride);
  let raw = merge(plain(defaults) as Mapping, source?.values ?? {});
  for (const { keys, value } of overrides) raw = assign(raw, keys, value) as Mapping;
  raw = plain(raw) as Mapping; // Drops nulls: an override may be null.
  const exposed = credentialProblems(raw);
  if (exposed.length > 0) throw new UserError(describe(exposed, source, overrides));
  coerceNumbers(raw, "");
  const written = plain(raw) as Mapping;
  applyMethod(raw, overrides.map(({ keys }) => keys.join(".")));
  applyLora(raw);
  if (path !== undefined) raw.output_dir ??= `runs/${stem(path)}`;

  const parsed = configSchema.safeParse(raw);
  const problems = parsed.success ? contradictions(parsed.data) : schemaProblems(parsed.error.issues, raw);
  if (problems.length > 0) throw new UserError(describe(problems, source, overrides));
  const config = parsed.data!;
  const originOf = (at: Path): string => {
    const [before, after] = [valueAt(written, at), valueAt(raw, at)];
    // Empty collections are copies of each other.
    if (before !== after && JSON.stringify(before) !== JSON.stringify(after)) {
      const key = at.join(".");
      if (key === "output_dir") return `name of ${path}`;
      return key === "training.learning_rate" ? "lora" : `method ${config.method}`;
    }
    if (after === undefined) return "default";
    if (isOverridden(at.map(String), overrides)) return "--set";
    return valueAt(source?.values, at) === undefined ? "default" : source!.locate(at);
  };
  return { config, originOf };
}

/** Paths and values of all scalars, and of empty lists. */
function leavesOf(value: unknown, path: Path): { path: Path; value: unknown }[] {
  const isBranch = typeof value === "object" && value !== null && Object.keys(value).length > 0;
  if (!isBranch) return value === undefined ? [] : [{ path, value }];
  return Object.entries(value).flatMap(([key, item]) =>
    leavesOf(item, [...path, Array.isArray(value) ? Number(key) : key])
  );
}

/** Whether an override sets the place itself, something around it or something in it. */
function isOverridden(steps: readonly string[], overrides: readonly Override[]): boolean {
  return overrides.some(({ keys }) => keys.slice(0, steps.length).every((step, i) => step === steps[i]));
}

interface Override {
  keys: string[];
  value: unknown;
}

/** Reads `a.b=value`; the value is a YAML scalar or flow collection, or else the plain text. */
function parseOverride(text: string): Override {
  const cut = text.indexOf("=");
  const key = text.slice(0, Math.max(cut, 0)).trim();
  const keys = key.split(".");
  if (cut < 0 || keys.includes("")) {
    throw new UserError(`--set: expected key=value such as training.beta=0.1, got ${JSON.stringify(text)}`);
  }
  const written = text.slice(cut + 1);
  const document = parseDocument(written, { prettyErrors: false });
  const { contents } = document;
  const isFlow = isCollection(contents) ? contents.flow === true : false;
  const quoted = isFlow || /^\s*["'\[{]/.test(written);
  const broken = document.errors[0] ?? document.warnings[0];
  if (broken && quoted) throw new UserError(`--set ${key}: ${broken.message.split("\n")[0]}`);
  if (broken || !(contents === null || isFlow || isScalar(contents))) return { keys, value: written.trim() };
  try {
    return { keys, value: plain(document.toJS()) ?? null };
  } catch (error) {
    throw new UserError(`--set ${key}: ${error instanceof Error ? error.message : error}`);
  }
}

function merge(under: Mapping, over: Mapping): Mapping {
  const result: Mapping = Object.assign(Object.create(null), under);
  for (const [key, value] of Object.entries(over)) {
    const below = result[key];
    result[key] = isMapping(below) && isMapping(value) ? merge(below, value) : value;
  }
  return result;
}

/** A copy of `target` with `value` at `keys`. A scalar on the way, or a list without that index, becomes a mapping. */
function assign(target: unknown, keys: readonly string[], value: unknown): unknown {
  const [key, ...rest] = keys;
  if (key === undefined) return value;
  if (Array.isArray(target) && /^\d+$/.test(key) && Number(key) < target.length) {
    return target.map((item, i) => i === Number(key) ? assign(item, rest, value) : item);
  }
  const copy: Mapping = Object.assign(Object.create(null), isMapping(target) ? target : {});
  copy[key] = assign(copy[key], rest, value);
  return copy;
}

/** Turns text such as "1e-6" into a number if the schema expects one: YAML 1.1 tools write numbers like that. */
function coerceNumbers(value: Mapping | unknown[], path: string): void {
  for (const [key, item] of Object.entries(value)) {
    const inner = Array.isArray(value) ? path : path === "" ? key : `${path}.${key}`;
    if (isMapping(item) || Array.isArray(item)) coerceNumbers(item, inner);
    else if (typeof item === "string" && NUMBER.test(item) && knownKeys().get(inner)?.numeric) {
      (value as Mapping)[key] = Number(item);
    }
  }
}

/**
 * Fills in the method's preset. A method given by `--set` takes precedence over the file: settings of the file that
 * contradict it are removed, unless `--set` gives them too.
 */
function applyMethod(raw: Mapping, overridden: readonly string[]): void {
  const method = raw.method ?? "dnpo";
  const training = isMapping(raw.training) ? raw.training : Object.create(null) as Mapping;
  const keeps = (key: string) =>
    overridden.some((path) => path === key || path.startsWith(`${key}.`) || key.startsWith(`${path}.`));
  if (overridden.includes("method")) {
    if (method !== "dnpo" && !keeps("noise")) delete raw.noise;
    if (method === "sft" && !keeps("training.loss_type")) delete training.loss_type;
    if (method === "sft" && !keeps("training.label_smoothing")) delete training.label_smoothing;
    if (method === "dnpo" && raw.noise === "none" && !keeps("noise")) delete raw.noise;
    if (method === "dnpo" && training.loss_type === "sft" && !keeps("training.loss_type")) delete training.loss_type;
    if ((method === "sft" || method === "spin") && !keeps("labels.judge")) {
      if (isMapping(raw.labels)) delete raw.labels.judge;
      else delete raw.labels;
    }
  }
  if (method !== "dnpo") raw.noise ??= "none";
  if (method === "sft") {
    training.loss_type ??= "sft";
    raw.training ??= training;
  }
}

/** The learning rates that adapters are trained with if the config gives none. */
const LORA_RATES = { sft: 2e-4, preference: 5e-6 };

/** Fills in the learning rate of adapters, which take larger steps than all weights. */
function applyLora(raw: Mapping): void {
  if (!isMapping(raw.lora)) return;
  const training = isMapping(raw.training) ? raw.training : Object.create(null) as Mapping;
  const isSft = raw.method === "sft" || training.loss_type === "sft";
  training.learning_rate ??= isSft ? LORA_RATES.sft : LORA_RATES.preference;
  raw.training ??= training;
}

function stem(path: string): string {
  const name = path.split(/[\\/]/).at(-1) ?? "";
  return name.replace(/\.(ya?ml|json)$/i, "") || "default";
}

function inFileOrder(problems: readonly Problem[], source: YamlSource | undefined): readonly Problem[] {
  // Finding a place takes time in proportion to the file's length, and with this many problems order does not help.
  if (source === undefined || problems.length > 5 * MAX_PROBLEMS) return problems;
  return problems.map((problem) => ({ problem, line: source.lineOf(problem.path) }))
    .sort((a, b) => a.line - b.line).map(({ problem }) => problem);
}

function describe(
  problems: readonly Problem[],
  source: YamlSource | undefined,
  overrides: readonly Override[],
): string[] {
  const lines = inFileOrder(problems, source).slice(0, MAX_PROBLEMS).map(({ path, message, key }) => {
    const steps = path.map(String);
    const name = steps.join(".");
    const where = isOverridden(steps, overrides) ? "--set" : source?.locate(path as Path, { key }) ?? "config";
    return `${where} ${name}: ${message}`;
  });
  if (problems.length > MAX_PROBLEMS) lines.push(`and ${problems.length - MAX_PROBLEMS} more problems`);
  return lines;
}
