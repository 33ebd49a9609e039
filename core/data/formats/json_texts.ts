/** Values that a row holds as JSON within a text. @module */
import type { JsonValue } from "./json_numbers.ts";
import { parseJson } from "./json_rows.ts";

/** The value of a text, with the digits of its numbers, or what is wrong with the text. */
export function parseJsonText(text: string): { value: JsonValue } | { problem: string } {
  const parsed = parseJson(text, { exact: true });
  return "hasNonFinite" in parsed ? { problem: "JSON with a number that is not finite" } : parsed;
}
