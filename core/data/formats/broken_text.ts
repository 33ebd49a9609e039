/** Finds texts that hold half of a character. @module */
import { errorLine } from "./data_problems.ts";
import type { JsonValue } from "./json_numbers.ts";

/**
 * Where a value has a text with a lone surrogate, which JSON can escape (`\ud83d`) and no tokenizer can read: the path
 * and the escape, for an error. Null if there is none.
 */
export function findBrokenText(value: JsonValue, path: string): string | null {
  if (typeof value === "string") {
    if (value.isWellFormed()) return null;
    const code = /\p{Surrogate}/u.exec(value)![0].charCodeAt(0).toString(16);
    return `"${path}" holds half of a character (\\u${code})`;
  }
  if (value === null || typeof value !== "object" || value instanceof Number) return null;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const found = typeof value[i] === "number" ? null : findBrokenText(value[i]!, `${path}[${i}]`);
      if (found !== null) return found;
    }
    return null;
  }
  for (const [key, item] of Object.entries(value)) {
    const found = findBrokenText(key, path) ?? findBrokenText(item, `${path}.${errorLine(key).slice(0, 40)}`);
    if (found !== null) return found;
  }
  return null;
}
