/** What a task says of how an answer is generated, as lm-eval reads it (0.4.13, `models/utils.py`). @module */
import { JsonFloat, type JsonObject, type JsonValue, parseExact } from "../data/formats/json_numbers.ts";
import { strip } from "../data/tokenizer/template/python_strings.ts";
import { UserError } from "../error.ts";
import { isRecord, quote } from "../values.ts";
import { fewShotDelimiterOf, type TaskConfig } from "./task_config.ts";

/** HFLM's most tokens of an answer where a task names none. */
const MAX_GEN_TOKS = 256;

/** Names of the most new tokens; the first that is there counts. */
const MOST_TOKENS = ["max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens"];

/** The keys of generation that are followed. */
export const GENERATION_KEYS: readonly string[] = ["until", "do_sample", "temperature", ...MOST_TOKENS];

/** How answers are generated. */
export interface GenerationSettings {
  /** Texts that end an answer, and are no part of it. */
  readonly until: readonly string[];
  readonly maxNewTokens: number;
  readonly doSample: boolean;
  /** 0 where tokens are not sampled. */
  readonly temperature: number;
  /** All other settings, such as `top_p`. */
  readonly others: JsonObject;
}

/** A task's own keys of generation, with those that replace them. */
export function generationKwargs(config: TaskConfig, overrides: JsonObject = {}): JsonObject {
  const delimiter = fewShotDelimiterOf(config);
  const own = config.generation_kwargs ?? {
    temperature: new JsonFloat("0.0"),
    do_sample: false,
    max_gen_toks: MAX_GEN_TOKS,
  };
  return { ...own, ...(own.until === undefined && { until: [delimiter] }), ...overrides };
}

/** The settings that keys of generation mean. Throws a UserError for a value that is none. */
export function generationSettings(kwargs: JsonObject): GenerationSettings {
  const { until = [], do_sample: sample = null, temperature: warmth = 0, ...rest } = kwargs;
  const named = MOST_TOKENS.find((name) => (rest[name] ?? null) !== null);
  const most = named === undefined ? MAX_GEN_TOKS : Math.trunc(numberOf(rest, named));
  if (most < 1) throw wrong(named!, rest[named!]!, "a number from 1");
  const temperature = numberOf({ temperature: warmth }, "temperature");
  if (sample !== null && typeof sample !== "boolean") throw wrong("do_sample", sample, "true or false");
  const stops = until === null ? [] : Array.isArray(until) ? until : [until];
  if (!stops.every((stop) => typeof stop === "string")) throw wrong("until", until, "a text or a list of texts");
  const doSample = sample ?? temperature > 0;
  return {
    until: stops as string[],
    maxNewTokens: most,
    doSample,
    temperature: doSample ? temperature : 0,
    others: Object.fromEntries(Object.entries(rest).filter(([name]) => !MOST_TOKENS.includes(name))),
  };
}

function numberOf(kwargs: JsonObject, name: string): number {
  const value = kwargs[name]!;
  const number = typeof value === "string" && value.trim() === "" ? NaN : Number(value);
  if (value === null || typeof value === "boolean" || !Number.isFinite(number)) throw wrong(name, value, "a number");
  return number;
}

function wrong(name: string, value: JsonValue, expected: string): UserError {
  return new UserError(`Cannot generate answers: "${name}" is ${quote(value)}, expected ${expected}`);
}

/**
 * Reads `a=1,b=x`, or a JSON object, as lm-eval's `--gen_kwargs`: values of the former are numbers, true, false, none or
 * texts. Throws a UserError.
 */
export function parseGenKwargs(text: string): JsonObject {
  if (text.trim().startsWith("{")) return jsonKwargs(text);
  const parts = text.trim().split(",").filter((part) => part !== "");
  return Object.fromEntries(parts.map((part): [string, JsonValue] => {
    const at = part.indexOf("=");
    if (at < 1) throw new UserError(`Cannot read ${quote(part)} of the generation's settings: expected NAME=VALUE`);
    return [part.slice(0, at), argumentOf(strip(part.slice(at + 1), null))];
  }));
}

function jsonKwargs(text: string): JsonObject {
  try {
    const { value } = parseExact(text);
    if (isRecord(value)) return value as JsonObject;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new UserError(`Cannot read ${quote(text)} of the generation's settings: expected a JSON object, or NAME=VALUE`);
}

function argumentOf(text: string): JsonValue {
  if (text.length >= 2 && /^['"]/.test(text) && text.at(-1) === text[0]) return text.slice(1, -1);
  const word = { true: true, false: false, none: null }[text.toLowerCase()];
  if (word !== undefined) return word;
  if (/^[+-]?\d+$/.test(text)) return Number(text);
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) ? new JsonFloat(String(Number(text))) : text;
}
