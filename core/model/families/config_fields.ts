/** Typed access to the keys of a config.json. Every error names file, key, value and what is expected. @module */
import { UserError } from "../../error.ts";
import { quote } from "../../values.ts";

/** A JSON object and where it came from. */
export interface Fields {
  /** The object. */
  values: Readonly<Record<string, unknown>>;
  /** Path of the file, for messages. */
  where: string;
  /** Key of the object within the file, with a dot, such as `rope_scaling.`; absent for the file's own object. */
  prefix?: string;
}

/** Bounds of a number, and what stands for an absent key or null; without `fallback` the key is required. */
export interface NumberRule<F> {
  /** Least value accepted. */
  min: number;
  /** Largest value accepted. */
  max: number;
  /** Value if the key is absent or null. */
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

/** Reads an integer within the rule's bounds. Throws a UserError for anything else. */
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

/** Reads a number within the rule's bounds. Throws a UserError for anything else. */
export function numberField<F = never>(fields: Fields, key: string, { min, max, fallback }: NumberRule<F>): number | F {
  if (isAbsent(fields, key) && fallback !== undefined) return fallback;
  const value = fields.values[key];
  if (typeof value !== "number" || !within(value, min, max)) {
    throw fieldError(fields, key, `a number from ${min} to ${max}`);
  }
  return value;
}

/** Reads true or false; false if the key is absent or null. Throws a UserError for anything else. */
export function booleanField(fields: Fields, key: string): boolean {
  if (isAbsent(fields, key)) return false;
  const value = fields.values[key];
  if (typeof value !== "boolean") throw fieldError(fields, key, "true or false");
  return value;
}

function within(value: number, min: number, max: number): boolean {
  return value >= min && value <= max;
}
