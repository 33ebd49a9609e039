/** The RoPE settings of a config.json, in the spellings of transformers 4 and 5. @module */
import { UserError } from "../../error.ts";
import { isRecord, quote } from "../../values.ts";
import { fieldError, type Fields, integerField, isAbsent, numberField } from "./config_fields.ts";

/** Rotary position embedding: base frequency `theta` and the scaling of its frequencies. */
export type RopeConfig =
  | { type: "default"; theta: number }
  | { type: "linear"; theta: number; factor: number }
  | {
    type: "llama3";
    theta: number;
    factor: number;
    lowFreqFactor: number;
    highFreqFactor: number;
    originalMaxPositionEmbeddings: number;
  };

const THETA = { min: 1, max: 1e15 };
const FACTOR = { min: 1, max: 1e6 };
const BAND = { min: 1e-6, max: 1e6 };

/** Keys that each type uses. Any other key is refused, since ignoring it would silently drop a setting. */
const KEYS: Readonly<Record<RopeConfig["type"], readonly string[]>> = {
  default: [],
  linear: ["factor"],
  llama3: ["factor", "low_freq_factor", "high_freq_factor"],
};
const COMMON_KEYS = [
  "type",
  "rope_type",
  "rope_theta",
  "partial_rotary_factor",
  "original_max_position_embeddings",
];

/** Reads `rope_theta` with `rope_scaling` (transformers 4) or `rope_parameters` (5). Throws a UserError. */
export function parseRope(fields: Fields): RopeConfig {
  const outer = numberField(fields, "rope_theta", { ...THETA, fallback: null });
  const found = ["rope_parameters", "rope_scaling"].filter((key) => !isAbsent(fields, key)).map((key) => {
    const values = fields.values[key];
    if (!isRecord(values)) throw fieldError(fields, key, "an object or null");
    return parseRopeObject({ values, where: fields.where, prefix: `${key}.` }, outer);
  });
  const [first, second] = found;
  if (!first) return { type: "default", theta: outer ?? 10_000 };
  if (second && JSON.stringify(first) !== JSON.stringify(second)) {
    throw fieldError(fields, "rope_scaling", `the same as "rope_parameters"`);
  }
  return first;
}

function parseRopeObject(fields: Fields, outer: number | null): RopeConfig {
  const theta = numberField(fields, "rope_theta", { ...THETA, fallback: outer ?? 10_000 });
  if (outer !== null && theta !== outer) throw fieldError(fields, "rope_theta", `${outer} as at the top of the file`);
  const type = ropeType(fields);
  for (const key of Object.keys(fields.values)) {
    if (COMMON_KEYS.includes(key) || KEYS[type].includes(key) || fields.values[key] === null) continue;
    throw new UserError(
      `Cannot use ${fields.where}: ${quote(`${fields.prefix}${key}`)} is ${quote(fields.values[key])}, ` +
        `expected it absent for RoPE of type "${type}"`,
    );
  }
  if (!isAbsent(fields, "partial_rotary_factor") && fields.values.partial_rotary_factor !== 1) {
    throw fieldError(fields, "partial_rotary_factor", "1");
  }
  if (type === "default") return { type, theta };
  const factor = numberField(fields, "factor", FACTOR);
  if (type === "linear") return { type, theta, factor };
  const lowFreqFactor = numberField(fields, "low_freq_factor", BAND);
  const highFreqFactor = numberField(fields, "high_freq_factor", BAND);
  if (highFreqFactor <= lowFreqFactor) {
    throw fieldError(fields, "high_freq_factor", `more than low_freq_factor, ${lowFreqFactor}`);
  }
  const originalMaxPositionEmbeddings = integerField(fields, "original_max_position_embeddings", {
    min: 1,
    max: 2 ** 30,
  });
  return { type, theta, factor, lowFreqFactor, highFreqFactor, originalMaxPositionEmbeddings };
}

function ropeType(fields: Fields): RopeConfig["type"] {
  const { type, rope_type: ropeType } = fields.values;
  const value = ropeType ?? type ?? "default";
  const key = ropeType == null && type != null ? "type" : "rope_type";
  if (typeof value !== "string" || !Object.hasOwn(KEYS, value)) {
    throw fieldError(fields, key, `"default", "linear" or "llama3"`);
  }
  if (type != null && type !== value) throw fieldError(fields, "type", `${quote(value)} as under "rope_type"`);
  return value as RopeConfig["type"];
}
