/** Values of JSON texts, with what is wrong with a text told and not thrown. @module */
import { errorLine } from "./data_problems.ts";
import { type JsonValue, parseExact } from "./json_numbers.ts";
import { type JsonScan, scanJson } from "./json_scan.ts";
import { rememberOrder } from "./key_order.ts";

/** The value of a JSON text, with `hasNonFinite` if one of its numbers is NaN or infinite, or what is wrong with the text. */
export type ParsedJson = { value: JsonValue; hasNonFinite?: true } | { problem: string };

/** The value of a JSON text, or what is wrong with the text. */
export function parseJson(
  text: string,
  { exact = false, scan = scanJson(text) }: { exact?: boolean; scan?: JsonScan } = {},
): ParsedJson {
  const { isTooDeep, hasExact } = scan;
  if (isTooDeep) return { problem: "not valid JSON (it nests deeper than 1000 levels)" };
  try {
    if (!exact || !hasExact) {
      const value = JSON.parse(text) as JsonValue;
      rememberOrder(text, value);
      return { value };
    }
  } catch (error) {
    // Python writes NaN and Infinity, which no other reader of JSON takes.
    if (!exact || !/NaN|Infinity/.test(text)) return notJson(error);
  }
  try {
    return parseExact(text);
  } catch (error) {
    return notJson(error);
  }
}

function notJson(error: unknown): { problem: string } {
  return { problem: `not valid JSON (${errorLine(error)})` };
}

/** The value of a text that a row holds, with the digits of its numbers, or what is wrong with the text. */
export function parseJsonText(text: string): { value: JsonValue } | { problem: string } {
  const parsed = parseJson(text, { exact: true });
  return "hasNonFinite" in parsed ? { problem: "JSON with a number that is not finite" } : parsed;
}
