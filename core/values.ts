/** Values: a test for JSON objects, a short text of any value for messages, the largest number, decimals, equal ids. @module */
import { maskCredentials } from "./safe_text.ts";

/** Whether a parsed JSON value is an object (not null, not an array, not a number that stands in an object). */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Number);
}

/**
 * A value as JSON for a message, integers of any size with their digits: control characters are escaped, and the text is
 * cut to 80 characters.
 */
export function quote(value: unknown): string {
  const { rawJSON } = JSON as typeof JSON & { rawJSON(text: string): unknown };
  const json = JSON.stringify(value, (_key, item) => typeof item === "bigint" ? rawJSON(String(item)) : item);
  const text = maskCredentials(json ?? String(value));
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}

/** The largest number that `of` makes of the items, -Infinity of none. Unlike Math.max, it takes any number of them. */
export function largest<T>(items: Iterable<T>, of: (item: T) => number): number {
  let most = -Infinity;
  for (const item of items) most = Math.max(most, of(item));
  return most;
}

/** A number with so many decimals; one that rounds to zero has no sign. */
export function fixed(value: number, decimals: number): string {
  const text = value.toFixed(decimals);
  return /^-[0.]+$/.test(text) ? text.slice(1) : text;
}

/**
 * A share in percent, without the unit. Digits in which two computations of one share may differ are rounded away first,
 * so that both are one text: 9 of 16 is 56.3, and so is 0.5624999999999998.
 */
export function percent(share: number): string {
  return fixed(Number((100 * share).toPrecision(10)), 1);
}

/** Whether two lists hold the same ids in the same order. */
export function sameIds(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i]);
}
