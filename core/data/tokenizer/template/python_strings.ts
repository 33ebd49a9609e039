/** Python's text: its white space, its code points, and its order. @module */
import type { Limits } from "./template_limits.ts";

/** What Python's isspace() and `\s` take for white space, as a class of a regular expression. */
export const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";

const IS_SPACE = new RegExp(`[${SPACE}]`);
const SURROGATE = /[\ud800-\udfff]/;

/** Line ends of splitlines(). */
// deno-lint-ignore no-control-regex
export const LINE_END: RegExp = /\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/g;

/** Whether a character is white space. */
export function isSpace(char: string): boolean {
  return IS_SPACE.test(char);
}

/** Whether units of the text are not characters. */
function hasPairs(text: string): boolean {
  return SURROGATE.test(text);
}

/** The number of code points of a text. */
export function lengthOf(text: string): number {
  if (!hasPairs(text)) return text.length;
  let length = 0;
  for (const _ of text) length++;
  return length;
}

/** The code points of a text. */
export function charsOf(text: string, limits: Limits): string[] {
  limits.makeList(text.length);
  return hasPairs(text) ? [...text] : text.split("");
}

/** The place in UTF-16 units of a place in code points; the text's end for any beyond it. */
export function unitsAt(text: string, place: number): number {
  if (!hasPairs(text)) return Math.min(place, text.length);
  let units = 0;
  for (let i = 0; i < place && units < text.length; i++) units += text.codePointAt(units)! > 0xffff ? 2 : 1;
  return units;
}

/** The place in code points of a place in UTF-16 units. */
export function placeAt(text: string, units: number): number {
  return lengthOf(text.slice(0, units));
}

/**
 * A text without the characters at its ends that `chars` has, or without white space; each that is dropped is a step.
 */
export function strip(
  text: string,
  chars: string | null,
  { left = true, right = true, limits }: { left?: boolean; right?: boolean; limits?: Limits } = {},
): string {
  limits?.spend(chars?.length ?? 0);
  const set = chars === null ? null : new Set(chars);
  const drops = (char: string): boolean => set === null ? isSpace(char) : set.has(char);
  let start = 0;
  let end = text.length;
  while (left && start < end) {
    const char = String.fromCodePoint(text.codePointAt(start)!);
    if (!drops(char)) break;
    start += char.length;
  }
  while (right && end > start) {
    const size = end - start > 1 && SURROGATE.test(text[end - 1]!) && text.codePointAt(end - 2)! > 0xffff ? 2 : 1;
    if (!drops(text.slice(end - size, end))) break;
    end -= size;
  }
  limits?.spend(text.length - (end - start));
  return text.slice(start, end);
}

/** Which of two texts comes first by code points: negative, zero or positive. */
export function compareTexts(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x === y) continue;
    const isPair = (unit: number): boolean => unit >= 0xd800 && unit < 0xe000;
    return isPair(x) === isPair(y) ? x - y : isPair(x) ? 1 : -1;
  }
  return a.length - b.length;
}

/** The places of a slice of a sequence of `length`, as Python's slice.indices() gives them. */
export function sliceBounds(
  length: number,
  { start, stop, step }: { start: number | null; stop: number | null; step: number },
): { first: number; end: number; count: number } {
  const clamp = (bound: number | null, otherwise: number): number => {
    if (bound === null) return otherwise;
    const at = bound < 0 ? bound + length : bound;
    return step > 0 ? Math.min(Math.max(at, 0), length) : Math.min(Math.max(at, -1), length - 1);
  };
  const first = clamp(start, step > 0 ? 0 : length - 1);
  const end = clamp(stop, step > 0 ? length : -1);
  return { first, end, count: Math.max(0, Math.ceil((end - first) / step)) };
}
