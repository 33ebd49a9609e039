/** Parts of a pattern of Python's `re`: flags, openings of groups, quantifiers, places. @module */
import type { SetMode } from "./python_char_set.ts";

/** How many code points a part of a pattern matches. */
export interface Width {
  min: number;
  max: number;
}

/** How what follows is read. */
export interface Mode extends SetMode {
  dotAll: boolean;
  multiline: boolean;
}

/** The opening of a group: a name, or flags. Of all else it matches only `(?`. */
export const GROUP: RegExp = /^\((?:\?(?:P<([A-Za-z_]\w*)>|([aims]*)(?:-([ims]+))?:|))?/;

/** A mode with flags set or cleared. Throws a SyntaxError for one that is not supported. */
export function withFlags(mode: Mode, letters: string, isOn = true): Mode {
  const changed = { ...mode };
  for (const letter of letters) {
    if (letter === "i") changed.ignoreCase = isOn;
    else if (letter === "s") changed.dotAll = isOn;
    else if (letter === "m") changed.multiline = isOn;
    else if (letter === "a") changed.ascii = isOn;
    else if (letter !== "u") throw new SyntaxError(`it has the flag ${letter}, which is not supported`);
  }
  return changed;
}

/** How often something is repeated. */
export interface Quantifier {
  min: number;
  max: number;
  isLazy: boolean;
  length: number;
}

/** The quantifier that a text begins with; null if it begins with none, as `{` may be a character. */
export function readQuantifier(text: string): Quantifier | null {
  const [all, symbol, least, comma, most, sign] = /^(?:([*+?])|\{(\d*)(,?)(\d*)\})([?+]?)/.exec(text) ?? [];
  if (all === undefined || (symbol === undefined && least === "" && most === "" && comma === "")) return null;
  if (sign === "+" || /^[*+?]|^\{\d*,?\d*\}/.test(text.slice(all.length))) {
    throw new SyntaxError(`it holds ${text.slice(0, all.length + 1)}, which is not supported`);
  }
  const min = symbol === undefined ? Number(least || 0) : symbol === "+" ? 1 : 0;
  const max = symbol === "?" ? 1 : symbol || (comma && most === "") ? Infinity : Number(comma ? most : least);
  if (max < min) throw new SyntaxError(`it holds ${all}, whose numbers are out of order`);
  return { min, max, isLazy: sign === "?", length: all.length };
}

/** Whether a place is what an anchor such as `$` says. */
export function assertion(anchor: string, { multiline, ascii }: Mode): (text: string, at: number) => boolean {
  const atEnd = (text: string, at: number): boolean => at === text.length;
  switch (anchor) {
    case "^":
      return multiline ? (text, at) => at === 0 || text[at - 1] === "\n" : (_, at) => at === 0;
    case "$":
      return multiline
        ? (text, at) => atEnd(text, at) || text[at] === "\n"
        : (text, at) => atEnd(text, at) || (text[at] === "\n" && atEnd(text, at + 1));
    case "\\A":
      return (_, at) => at === 0;
    case "\\Z":
      return atEnd;
  }
  const isWord = ascii ? /\w/ : /[\p{L}\p{N}_]/u;
  const wordAt = (text: string, at: number): boolean =>
    at < text.length && isWord.test(String.fromCodePoint(text.codePointAt(at)!));
  const wordBefore = (text: string, at: number): boolean => {
    if (at === 0) return false;
    const low = text.charCodeAt(at - 1);
    return wordAt(text, low >= 0xdc00 && low <= 0xdfff ? at - 2 : at - 1);
  };
  const wanted = anchor === "\\b";
  // In Python before 3.14 an empty text has no place that \B matches.
  return (text, at) =>
    wanted ? wordBefore(text, at) !== wordAt(text, at) : text !== "" && wordBefore(text, at) === wordAt(text, at);
}
