/** Reads and writes JSON whose numbers keep what Python sees in them: an integer of any size, or a float. @module */
import { errorLine } from "./data_problems.ts";
import { rememberOrder } from "./key_order.ts";

/** The most digits of an integer: Python reads none of more. */
const MAX_DIGITS = 4300;

/** `rawJSON` makes what stands for a number with these digits; TypeScript does not know it yet. */
const { rawJSON } = JSON as typeof JSON & { rawJSON(text: string): unknown };

/** A float that a JavaScript number would make an integer, such as `2.0`; it is written as it was read. */
export class JsonFloat extends Number {
  /** The number as JSON writes it. */
  readonly source: string;

  /** Keeps the number that `source` writes. */
  constructor(source: string) {
    super(source);
    this.source = source;
  }

  /** The number as JSON writes it. */
  override toString(): string {
    return this.source;
  }

  /** What JSON.stringify() writes. */
  toJSON(): unknown {
    return rawJSON(this.source);
  }
}

/** Any JSON value. A number is a bigint or JsonFloat where a JavaScript number would change it, in data sets' rows. */
export type JsonValue = string | number | bigint | boolean | null | JsonFloat | JsonValue[] | JsonObject;

/** A JSON object. */
export interface JsonObject {
  /** Any key. */
  readonly [key: string]: JsonValue;
}

/** A value that a program of JavaScript can compute with: floats are numbers, and integers beyond 2⁵³ are bigints. */
export type PlainValue = string | number | bigint | boolean | null | PlainValue[] | {
  readonly [key: string]: PlainValue;
};

type Reviver = (key: string, value: unknown, context: { source?: string }) => unknown;

/**
 * Parses JSON as Python's json does: whole floats become JsonFloat, integers beyond 2⁵³ bigint, and `NaN` and `Infinity`
 * are read; `hasNonFinite` tells of them. Throws a SyntaxError if the text is none.
 */
export function parseExact(text: string): { value: JsonValue; hasNonFinite?: true } {
  const { text: finite, nan } = withoutNaN(text);
  let nonFinite: { hasNonFinite?: true } = {};
  const revive: Reviver = (_key, value, { source }) => {
    if (typeof value !== "number" || source === undefined) return value;
    const number = source === nan ? NaN : numberOf(source, value);
    if (typeof number === "number" && !Number.isFinite(number)) nonFinite = { hasNonFinite: true };
    return number;
  };
  const value = JSON.parse(finite, revive as Parameters<typeof JSON.parse>[1]) as JsonValue;
  rememberOrder(finite, value);
  return { value, ...nonFinite };
}

function numberOf(source: string, value: number): number | bigint | JsonFloat {
  if (!/^-?\d+$/.test(source)) return Number.isInteger(value) ? new JsonFloat(source) : value;
  if (Number.isSafeInteger(value)) return value;
  const digits = source.length - (source.startsWith("-") ? 1 : 0);
  if (digits > MAX_DIGITS) {
    throw new SyntaxError(`an integer has ${digits} digits, expected at most the ${MAX_DIGITS} that Python reads`);
  }
  return BigInt(source);
}

/** Writes Python's three words that are no JSON as numbers: `nan` is how a NaN is written in `text`. */
function withoutNaN(text: string): { text: string; nan: string } {
  if (!/NaN|Infinity/.test(text)) return { text, nan: "" };
  let nan = "0e1";
  while (text.includes(nan)) nan += "1";
  const word = /"(?:[^"\\]|\\.)*"|(?<![\w.+-])(-?Infinity|NaN)(?![\w.+-])/gs;
  const finite = text.replace(word, (whole, found: string | undefined) => {
    if (found === undefined) return whole;
    return found === "NaN" ? nan : found === "Infinity" ? "1e999" : "-1e999";
  });
  return { text: finite, nan };
}

/** A value as JSON, with the digits of its numbers. */
export function jsonText(value: unknown): string {
  if (!hasBigInt(value)) return JSON.stringify(value);
  return JSON.stringify(value, (_key, item) => typeof item === "bigint" ? rawJSON(String(item)) : item);
}

function hasBigInt(value: unknown): boolean {
  if (typeof value === "bigint") return true;
  if (typeof value !== "object" || value === null) return false;
  return (Array.isArray(value) ? value : Object.values(value)).some(hasBigInt);
}

/** A value for a program of JavaScript, which does not tell `2.0` from `2`. */
export function plainValue(value: JsonValue): PlainValue {
  if (value instanceof JsonFloat) return value.valueOf();
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(plainValue);
  // fromEntries, unlike assignment, keeps a key named __proto__ a key.
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plainValue(item)]));
}

/** The place and the number of the first NaN or infinity in a value, such as `"x[0].y" is NaN`; null if there is none. */
export function findNonFinite(value: JsonValue, path = ""): string | null {
  if (typeof value === "number") return Number.isFinite(value) ? null : `"${path}" is ${value}`;
  if (typeof value !== "object" || value === null || value instanceof JsonFloat) return null;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const item = value[i]!;
      if (typeof item === "string" || Number.isFinite(item)) continue;
      const found = findNonFinite(item, `${path}[${i}]`);
      if (found !== null) return found;
    }
    return null;
  }
  for (const [key, item] of Object.entries(value)) {
    const found = typeof item === "string" ? null : findNonFinite(item, `${path}.${errorLine(key).slice(0, 40)}`);
    if (found !== null) return found;
  }
  return null;
}
