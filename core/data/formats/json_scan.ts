/** Looks over JSON text without parsing it: where a value ends, and whether parsing would change its numbers. @module */
import { MAX_DEPTH, stringEnd } from "../../files/json_nesting.ts";

/** What a text holds from a place on. */
export interface JsonScan {
  /** The index after the value; -1 if its brackets are still open where the text ends. */
  end: number;
  /** How many brackets are open there. */
  depth: number;
  /** Whether a quote is open there, or brackets close that were not opened: no further line can mend that. */
  isBroken: boolean;
  /** Whether the value nests deeper than any real one, so that it must not be parsed. */
  isTooDeep: boolean;
  /** Whether it has a number that JavaScript's numbers do not keep: `2.0`, `1e5`, 2⁵³ + 1. */
  hasExact: boolean;
}

/**
 * Looks over the list or object that begins at `from`, or goes on there with `depth` brackets open; of any other value,
 * the end is the text's.
 */
export function scanJson(text: string, { from = 0, depth = 0 }: { from?: number; depth?: number } = {}): JsonScan {
  const scan: JsonScan = { end: -1, depth: 0, isBroken: false, isTooDeep: false, hasExact: false };
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) {
      i = stringEnd(text, i);
      if (i < 0) return { ...scan, isBroken: true };
    } else if (code === 0x5b || code === 0x7b) {
      if (++depth > MAX_DEPTH) scan.isTooDeep = true;
    } else if (code === 0x5d || code === 0x7d) {
      if (--depth > 0) continue;
      if (depth < 0) return { ...scan, isBroken: true };
      scan.end = i + 1;
      return scan;
    } else if (code >= 0x30 && code <= 0x39) {
      const start = i;
      let next = text.charCodeAt(++i);
      while (next >= 0x30 && next <= 0x39) next = text.charCodeAt(++i);
      if (next === 0x2e || (next | 0x20) === 0x65 || i - start > 15) {
        scan.hasExact ||= isExact(text, start, i);
      }
      i--;
    }
  }
  if (depth === 0) scan.end = text.length;
  scan.depth = depth;
  return scan;
}

/** What may follow the digits that a number begins with. */
const NUMBER_REST = /[\d.eE+-]*/y;

/** Whether a number is more than its value: a float that is whole, or an integer that no double holds for certain. */
function isExact(text: string, start: number, end: number): boolean {
  NUMBER_REST.lastIndex = end;
  const rest = NUMBER_REST.exec(text)![0];
  if (rest === "") return true;
  const value = Number(text.slice(start, end) + rest);
  return Number.isInteger(value) || !Number.isFinite(value);
}
