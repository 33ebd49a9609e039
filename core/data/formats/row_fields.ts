/** Typed reading of a row's fields. What is thrown says what is wrong; the caller adds the place. @module */
import { UserError } from "../../error.ts";
import { describe } from "./data_problems.ts";
import type { JsonObject, JsonValue } from "./json_rows.ts";

/** True where the row has the key, and it is not null: exported tables write null for a missing column. */
export function hasField(object: JsonObject, key: string): boolean {
  return Object.hasOwn(object, key) && object[key] !== null;
}

/** A string; throws a UserError where it is anything else. */
export function stringField(object: JsonObject, key: string): string {
  const value = ownField(object, key);
  if (typeof value !== "string") throw wrong(key, value, "a string");
  return value;
}

/** Token ids, at least one; throws a UserError where one is not an integer from 0. */
export function idsField(object: JsonObject, key: string): number[] {
  const value = ownField(object, key);
  if (!Array.isArray(value) || value.length === 0) throw wrong(key, value, "a list of token ids");
  return value.map((id, i) => {
    if (!Number.isSafeInteger(id) || (id as number) < 0) throw wrong(`${key}[${i}]`, id, "a token id");
    return id as number;
  });
}

/** True or false; throws a UserError where it is anything else. */
export function booleanField(object: JsonObject, key: string): boolean {
  const value = ownField(object, key);
  if (typeof value !== "boolean") throw wrong(key, value, "true or false");
  return value;
}

/** An integer from 0; throws a UserError where it is anything else. */
export function indexField(object: JsonObject, key: string): number {
  const value = ownField(object, key);
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw wrong(key, value, "an integer from 0");
  return value as number;
}

/** A number, or null where the row has none; throws a UserError where it is anything else. */
export function scoreField(object: JsonObject, key: string): number | null {
  const value = ownField(object, key) ?? null;
  if (value !== null && typeof value !== "number") throw wrong(key, value, "a number or null");
  return value;
}

/** The error of a field: `"key" is this, expected that`. */
export function wrong(key: string, value: JsonValue | undefined, expected: string): UserError {
  return new UserError(`"${key}" is ${describe(value)}, expected ${expected}`);
}

/** The row's own value: a key such as "constructor" must not reach the prototype. */
function ownField(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}
