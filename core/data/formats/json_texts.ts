/** Values that a row holds as JSON within a text. @module */
import { checkNesting } from "../../files/json_nesting.ts";
import { errorLine } from "./data_problems.ts";
import { type JsonValue, parseExact } from "./json_numbers.ts";

/** The value of a text, with the digits of its numbers, or what is wrong with the text. */
export function parseJsonText(text: string): { value: JsonValue } | { problem: string } {
  try {
    checkNesting(text);
    const { value, hasNonFinite } = parseExact(text);
    return hasNonFinite ? { problem: "JSON with a number that is not finite" } : { value };
  } catch (error) {
    return { problem: `not valid JSON (${errorLine(error)})` };
  }
}
