/** Typed access to the keys of a config.json; every failure names file, key, what is and what should be. @module */
import { UserError } from "../../error.ts";
import { quote } from "../../values.ts";

/** A JSON object and where it came from. */
export interface Fields {
  /** The object. */
  values: Readonly<Record<string, unknown>>;
  /** Path of the file, for messages. */
  where: string;
  /** Key of the object within the file with a dot, e.g. `rope_scaling.`, or nothing. */
  prefix?: string;
}

/** Bounds of a number, and what stands for an absent key or null; without `fallback` the key is required. */
export interface NumberRule<F> {
  /** Least value accepted. */
  min: number;
  /** Largest value accepted. */
  max: number;
  /** Value where the key is absent or null. */
  fallback?: F;
}

/** The error for a key: `Cannot use FILE: "key" is 7, expected …`. */
export function fieldError({ values, where, prefix = "" }: Fields, key: string, expected: string): UserError {
  const value = Object.hasOwn(values, key) ? quote(values[key]) : "missing";
  return new UserError(`Cannot use ${where}: "${prefix}${key}" is ${value}, expected ${expected}`);
}

/** Whether a key is absent or null, which transformers mostly treats alike. */
export function isAbsent({ values }: Fields, key: string): boolean {
  return !Object.hasOwn(values, key) || values[key] === null;
}

/** An integer within the rule's bounds. */
export function integerField<F = never>(
  fields: Fields,
  key: string,
  { min, max, fallback }: NumberRule<F>,
): number | F {
  if (isAbsent(fields, key) && fallback !== undefined) return fallback;
  const value = fields.values[key];
  if (!Number.isInteger(value) || !within(value as number, min, max)) {
    throw fieldError(fields, key, `an integer from ${min} to ${max}`);
  }
  return value as number;
}

/** A number within the rule's bounds. */
export function numberField<F = never>(fields: Fields, key: string, { min, max, fallback }: NumberRule<F>): number | F {
  if (isAbsent(fields, key) && fallback !== undefined) return fallback;
  const value = fields.values[key];
  if (typeof value !== "number" || !within(value, min, max)) {
    throw fieldError(fields, key, `a number from ${min} to ${max}`);
  }
  return value;
}

/** True or false, false where the key is absent or null. */
export function booleanField(fields: Fields, key: string): boolean {
  if (isAbsent(fields, key)) return false;
  const value = fields.values[key];
  if (typeof value !== "boolean") throw fieldError(fields, key, "true or false");
  return value;
}

function within(value: number, min: number, max: number): boolean {
  return value >= min && value <= max;
}
