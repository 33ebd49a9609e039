/** PEFT's adapter_config.json: what of it is understood, and what must have its neutral value. @module */
import type { LoraConfig } from "../config/config_types.ts";
import { UserError } from "../error.ts";
import { isRecord, quote } from "../values.ts";

/** What an adapter is made of: the keys of `lora` that say so. */
export type AdapterSettings = Omit<LoraConfig, "save" | "init_lora_weights">;

/** What adapter_config.json says. */
export interface PeftConfig {
  /** What the adapter is made of. */
  settings: AdapterSettings;
  /** Path or name of the model that it was trained on; null if it is not said. */
  base: string | null;
  /** The base's revision on the hub; null for the newest. */
  revision: string | null;
}

/** Keys that say nothing about the numbers. */
const WITHOUT_EFFECT = new Set([
  "auto_mapping",
  "inference_mode",
  "megatron_core",
  "peft_version",
  "qalora_group_size",
]);

const UNDERSTOOD = new Set([
  "peft_type",
  "task_type",
  "base_model_name_or_path",
  "revision",
  "r",
  "lora_alpha",
  "lora_dropout",
  "use_rslora",
  "target_modules",
  "exclude_modules",
  "rank_pattern",
  "alpha_pattern",
  "layers_to_transform",
  "init_lora_weights",
]);

/** Neutral values other than null, false, and an empty list, mapping or text. */
const NEUTRAL: Readonly<Record<string, unknown>> = { bias: "none" };

/** The kinds of first values that leave the base as it is. */
const PLAIN_INITS: readonly unknown[] = [true, false, null, "gaussian", "orthogonal", "eva"];

/** Parses the JSON of the file at `path`. Throws a UserError naming a key that is not understood. */
export function parsePeftConfig(json: Readonly<Record<string, unknown>>, path: string): PeftConfig {
  const refuse = (key: string, expected: string): UserError =>
    new UserError(`Cannot load the adapter of ${path}: "${key}" is ${quote(json[key] ?? null)}, expected ${expected}`);
  const has = (key: string): boolean => Object.hasOwn(json, key) && json[key] !== null && json[key] !== undefined;
  const read = <T>(key: string, { is, expected, or }: { is: (v: unknown) => boolean; expected: string; or: T }): T => {
    if (!has(key)) return or;
    if (!is(json[key])) throw refuse(key, expected);
    return json[key] as T;
  };
  if (json.peft_type !== "LORA") throw refuse("peft_type", '"LORA"');
  if (has("task_type") && json.task_type !== "CAUSAL_LM") throw refuse("task_type", '"CAUSAL_LM"');
  for (const [key, value] of Object.entries(json)) {
    if (UNDERSTOOD.has(key) || WITHOUT_EFFECT.has(key)) continue;
    const neutral = Object.hasOwn(NEUTRAL, key) ? NEUTRAL[key] : undefined;
    if (isEmpty(value) || (neutral !== undefined && value === neutral)) continue;
    throw refuse(key, `${quote(neutral ?? (typeof value === "boolean" ? false : null))}, which changes nothing`);
  }
  if (has("init_lora_weights") && !PLAIN_INITS.includes(json.init_lora_weights)) {
    throw refuse("init_lora_weights", 'true, false or "gaussian", which leave the base as it is');
  }
  const text = { is: (v: unknown) => typeof v === "string", expected: "text" };
  const flag = { is: (v: unknown) => typeof v === "boolean", expected: "true or false" };
  const targets = read<string | string[] | null>("target_modules", { ...modulesKey, or: null });
  if (targets === null) throw refuse("target_modules", modulesKey.expected);
  const excluded = read<string | string[] | null>("exclude_modules", { ...modulesKey, or: null });
  const layers = read<number | number[] | null>("layers_to_transform", {
    is: (v) => [v].flat().every((one) => isCount(one, 0)),
    expected: "numbers of layers",
    or: null,
  });
  const settings: AdapterSettings = {
    r: read("r", { is: (v) => isCount(v, 1), expected: "an integer ≥ 1", or: 8 }),
    lora_alpha: read("lora_alpha", { ...positive, or: 8 }),
    lora_dropout: read("lora_dropout", {
      is: (v) => typeof v === "number" && v >= 0 && v < 1,
      expected: "a number from 0 to below 1",
      or: 0,
    }),
    use_rslora: read("use_rslora", { ...flag, or: false }),
    target_modules: targets,
    ...(excluded !== null && !isEmpty(excluded) && { exclude_modules: excluded }),
    rank_pattern: read("rank_pattern", {
      is: (v) => isRecord(v) && Object.values(v).every((rank) => isCount(rank, 1)),
      expected: "a mapping of integers ≥ 1",
      or: {},
    }),
    alpha_pattern: read("alpha_pattern", {
      is: (v) => isRecord(v) && Object.values(v).every(positive.is),
      expected: "a mapping of numbers > 0",
      or: {},
    }),
    ...(layers !== null && !isEmpty(layers) && { layers_to_transform: layers }),
  };
  return {
    settings,
    base: read<string | null>("base_model_name_or_path", { ...text, or: null }),
    revision: read<string | null>("revision", { ...text, or: null }),
  };
}

const modulesKey = {
  is: (v: unknown): boolean =>
    (typeof v === "string" && v !== "") || (Array.isArray(v) && v.every((one) => typeof one === "string")),
  expected: "a list of names, or a regular expression",
};

const positive = { is: (v: unknown): boolean => typeof v === "number" && v > 0, expected: "a number > 0" };

function isCount(value: unknown, least: number): boolean {
  return Number.isInteger(value) && (value as number) >= least;
}

function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || value === false || value === "" ||
    (Array.isArray(value) && value.length === 0) || (isRecord(value) && Object.keys(value).length === 0);
}

/** The JSON of adapter_config.json, with the keys that PEFT needs to load the adapter. */
export function peftConfigJson({ settings, base, revision }: PeftConfig): Record<string, unknown> {
  const { exclude_modules, layers_to_transform } = settings;
  return {
    alpha_pattern: settings.alpha_pattern,
    base_model_name_or_path: base,
    bias: "none",
    exclude_modules: exclude_modules ?? null,
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    layers_pattern: null,
    layers_to_transform: layers_to_transform ?? null,
    lora_alpha: settings.lora_alpha,
    lora_dropout: settings.lora_dropout,
    modules_to_save: null,
    peft_type: "LORA",
    r: settings.r,
    rank_pattern: settings.rank_pattern,
    revision,
    target_modules: settings.target_modules,
    task_type: "CAUSAL_LM",
    use_dora: false,
    use_rslora: settings.use_rslora,
  };
}
