/** The prompt of a preference row that has none of its own: what both sides begin with. @module */
import { UserError } from "../../error.ts";
import { isRecord } from "../../values.ts";
import { JsonFloat, type JsonValue } from "./json_numbers.ts";
import type { Message } from "./messages.ts";

/**
 * Extracts the prompt, the turns that both sides begin with, as TRL's extract_prompt does: the last turn is never part
 * of the prompt, even if both sides are the same. Throws a UserError if no turn is common.
 */
export function extractMessages(
  { chosen, rejected }: { chosen: Message[]; rejected: Message[] },
  [better, worse]: readonly [string, string],
): { prompt: Message[]; chosen: Message[]; rejected: Message[] } {
  const most = Math.min(chosen.length, rejected.length) - 1;
  let common = 0;
  while (common < most && isSame(chosen[common]!, rejected[common]!)) common++;
  if (common === 0) {
    throw new UserError(
      `"${better}" and "${worse}" have no first turn in common, expected it, or "prompt" as messages`,
    );
  }
  return { prompt: chosen.slice(0, common), chosen: chosen.slice(common), rejected: rejected.slice(common) };
}

/** Whether two values are equal as Python's are, whose dictionaries have no order. */
export function isSame(a: JsonValue, b: JsonValue): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((value, i) => isSame(value, b[i]!));
  // Numbers that keep their digits are objects or bigints.
  if ([a, b].some((value: unknown) => value instanceof JsonFloat || typeof value === "bigint")) {
    return isNumber(a) && isNumber(b) && Number(a) === Number(b);
  }
  if (isRecord(a) && isRecord(b)) {
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length &&
      keys.every((key) => Object.hasOwn(b, key) && isSame(a[key]!, b[key]!));
  }
  return a === b;
}

function isNumber(value: unknown): boolean {
  return typeof value === "number" || typeof value === "bigint" || value instanceof JsonFloat;
}

/**
 * Extracts the prompt, the text that both sides begin with, as TRL's extract_prompt does: a space before the first
 * difference goes to the sides, and the last character of the shorter side is never part of the prompt. Throws a
 * UserError if no text is common.
 */
export function extractPrompt(
  { chosen, rejected }: { chosen: string; rejected: string },
  [better, worse]: readonly [string, string],
): { prompt: string; chosen: string; rejected: string } {
  const [a, b] = [[...chosen], [...rejected]];
  const most = Math.min(a.length, b.length) - 1;
  let common = 0;
  while (common < most && a[common] === b[common]) common++;
  // TRL looks for the space only if it has found a difference.
  if (a[common] !== b[common] && a[common - 1] === " ") common--;
  if (common <= 0) throw new UserError(`"${better}" and "${worse}" begin differently, expected "prompt"`);
  const cut = (side: string[]): string => side.slice(common).join("");
  return { prompt: a.slice(0, common).join(""), chosen: cut(a), rejected: cut(b) };
}
