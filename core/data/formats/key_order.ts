/** Objects of JSON whose keys have another order in JavaScript than in their text. @module */
import { isRecord } from "../../values.ts";

/** A string of JSON, and the colon after it if it is a key. */
const STRINGS = /"((?:[^"\\]|\\.)*)"(\s*:)?/gs;

/** A key that JavaScript puts before the others: an array's index. */
const INDEX = /^(?:0|[1-9]\d{0,9})$/;

const reordered = new WeakSet<object>();

/**
 * Remembers the objects of `value`, parsed from `text`, whose keys JavaScript has put into another order, as it does
 * with keys that are whole numbers. Python keeps the order, and a chat template may write it.
 */
export function rememberOrder(text: string, value: unknown): void {
  if (!/"(?:\d|\\u)(?:[^"]{0,64})"\s*:/.test(text)) return;
  const mark = unusedMark(text);
  let indices = 0;
  const marked = text.replace(STRINGS, (whole, content: string, colon?: string) => {
    if (colon === undefined) return whole;
    const key = content.includes("\\") ? JSON.parse(`"${content}"`) as string : content;
    if (!INDEX.test(key)) return whole;
    indices++;
    return `"${mark}${key}"${colon}`;
  });
  if (indices > 0) compare(JSON.parse(marked), { value, mark });
}

/** Whether the keys of an object are in another order than in its text. */
export function isReordered(value: object): boolean {
  return reordered.has(value);
}

function compare(source: unknown, { value, mark }: { value: unknown; mark: string }): void {
  if (Array.isArray(source) && Array.isArray(value)) {
    source.forEach((item, i) => compare(item, { value: value[i]!, mark }));
  } else if (isRecord(source) && isRecord(value)) {
    const keys = Object.keys(source);
    const own = keys.map((key) => key.startsWith(mark) ? key.slice(mark.length) : key);
    const order = Object.keys(value);
    if (own.some((key, i) => key !== order[i])) reordered.add(value);
    keys.forEach((key, i) => compare(source[key], { value: value[own[i]!], mark }));
  }
}

/** A private-use character that does not occur in the text. */
function unusedMark(text: string): string {
  for (let code = 0xe000; code < 0xf900; code++) {
    const mark = String.fromCharCode(code);
    if (!text.includes(mark)) return mark;
  }
  throw new Error("it has every private-use character beside keys that are numbers");
}
