/** Reads a row's fields with their types. The errors say what is wrong; the caller adds the place. @module */
import { UserError } from "../../error.ts";
import { isRecord } from "../../values.ts";
import { describe } from "./data_problems.ts";
import { JsonFloat } from "./json_numbers.ts";
import type { JsonObject, JsonValue } from "./json_rows.ts";
import { isReordered } from "./key_order.ts";

/** Whether the row has the key with a value other than null: exported tables write null for a missing column. */
export function hasField(object: JsonObject, key: string): boolean {
  return Object.hasOwn(object, key) && object[key] !== null;
}

/** Reads a string. Throws a UserError if it is anything else. */
export function stringField(object: JsonObject, key: string): string {
  const value = ownField(object, key);
  if (typeof value !== "string") throw wrong(key, value, "a string");
  return value;
}

/** Reads at least one token id. Throws a UserError if one is not an integer from 0. */
export function idsField(object: JsonObject, key: string): number[] {
  const value = ownField(object, key);
  if (!Array.isArray(value) || value.length === 0) throw wrong(key, value, "a list of token ids");
  return value.map((id, i) => {
    if (!Number.isSafeInteger(id) || (id as number) < 0) throw wrong(`${key}[${i}]`, id, "a token id");
    return id as number;
  });
}

/** Reads true or false. Throws a UserError if it is anything else. */
export function flagField(object: JsonObject, key: string): boolean {
  const value = ownField(object, key);
  if (typeof value !== "boolean") throw wrong(key, value, "true or false");
  return value;
}

/** Reads an integer from 0. Throws a UserError if it is anything else. */
export function indexField(object: JsonObject, key: string): number {
  const value = ownField(object, key);
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw wrong(key, value, "an integer from 0");
  return value as number;
}

/** Reads a finite number; null if the row has none. Throws a UserError if it is anything else. */
export function scoreField(object: JsonObject, key: string): number | null {
  const value = ownField(object, key) ?? null;
  if (value === null) return null;
  const number = value instanceof JsonFloat || typeof value === "bigint" ? Number(value) : value;
  // An integer counts if it is what JavaScript writes of the same number: a judge's score may be large.
  const isKept = typeof value !== "bigint" || String(value) === JSON.stringify(number);
  if (typeof number === "number" && Number.isFinite(number) && isKept) return number;
  throw wrong(key, value, "a number or null");
}

/** Throws a UserError that names the first object at or within `value` whose keys are in another order than in the text. */
export function checkOrder(value: JsonValue, at: string): void {
  if (Array.isArray(value)) value.forEach((item, i) => checkOrder(item, `${at}[${i}]`));
  else if (isRecord(value)) {
    if (isReordered(value)) {
      throw wrong(at, value, "keys that are no numbers, or in ascending order before the others: their order is lost");
    }
    for (const [key, item] of Object.entries(value)) checkOrder(item, `${at}.${key}`);
  }
}

/** The error for a field: `"key" is this, expected that`. */
export function wrong(key: string, value: JsonValue | undefined, expected: string): UserError {
  return new UserError(`"${key}" is ${describe(value)}, expected ${expected}`);
}

/** The row's own value: a key such as "constructor" must not reach the prototype. */
function ownField(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}
