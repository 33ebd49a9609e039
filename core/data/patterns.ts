/** The regular expressions of a tokenizer.json, which come with a model. @module */
import { UserError } from "../error.ts";
import { quote } from "./problems.ts";

/** No pattern of a tokenizer is as long. */
const MAX_LENGTH = 1 << 16;

/** So many repetitions at most are as good as any number. */
const MANY = 10;

/**
 * Throws a UserError where a pattern repeats a group that holds a repetition itself, such as `(a+)+`: a text that it
 * nearly matches takes time exponential in its length.
 */
export function checkPattern(pattern: string): void {
  if (pattern.length > MAX_LENGTH) throw new UserError(`a pattern has ${pattern.length} characters`);
  // A class within a class is one in some dialects, and a bracket in others.
  if ([true, false].some((nested) => nestsRepetition(pattern, nested))) {
    throw new UserError(`the pattern ${quote(pattern)} repeats a repetition, which may take forever`);
  }
}

/** Whether a group that may be repeated many times holds something that may be repeated many times. */
function nestsRepetition(pattern: string, nested: boolean): boolean {
  const holds = [false];
  for (let at = 0; at < pattern.length;) {
    const opens = pattern[at] === "(";
    const closes = pattern[at] === ")" && holds.length > 1;
    at = atomEnd(pattern, { at, nested });
    const [quantifier = "", , least, , most] = QUANTIFIER.exec(pattern.slice(at, at + 32)) ?? [];
    at += quantifier.length;
    const isMany = quantifier !== "" && (least === undefined || most === "" || Number(most ?? 0) >= MANY);
    if (opens) holds.push(false);
    const inner = closes && holds.pop()!;
    if (inner && isMany) return true;
    if (inner || isMany) holds[holds.length - 1] = true;
  }
  return false;
}

/** `*`, `+`, or numbers in braces. */
const QUANTIFIER = /^(?:([*+])|\{(\d*)(,(\d*))?\})/;

/** Where an escape, a class or a single character ends that begins at `at`; a `?` after a bracket goes with it. */
function atomEnd(pattern: string, { at, nested }: { at: number; nested: boolean }): number {
  if (pattern[at] === "\\") {
    const isProperty = /[pP]/.test(pattern[at + 1] ?? "") && pattern[at + 2] === "{";
    const end = isProperty ? pattern.indexOf("}", at) : -1;
    return end < 0 ? at + 2 : end + 1;
  }
  if (pattern[at] === "(" && pattern[at + 1] === "?") return at + 2;
  if (pattern[at] !== "[") return at + 1;
  let depth = 0;
  let end = at;
  do {
    if (pattern[end] === "[" && (nested || depth === 0)) depth++;
    else if (pattern[end] === "]") depth--;
    end += pattern[end] === "\\" ? 2 : 1;
  } while (depth > 0 && end < pattern.length);
  return end;
}
