/** Python's capitals and classes of characters. @module */
import { isSpace } from "./python_strings.ts";
import { TemplateError } from "./template_limits.ts";

const TITLE: Readonly<Record<string, string>> = {
  ...{ "Ǆ": "ǅ", "ǅ": "ǅ", "ǆ": "ǅ", "Ǉ": "ǈ", "ǈ": "ǈ", "ǉ": "ǈ" },
  ...{ "Ǌ": "ǋ", "ǋ": "ǋ", "ǌ": "ǋ", "Ǳ": "ǲ", "ǲ": "ǲ", "ǳ": "ǲ" },
};

/** A character as it begins a title. */
function titleChar(char: string): string {
  if (TITLE[char] !== undefined) return TITLE[char];
  const upper = char.toUpperCase();
  if (upper.length <= char.length) return upper;
  // The others of these have a capital of their own, which JavaScript does not tell.
  if (!/[ßﬀ-ﬆ]/.test(char)) throw new TemplateError(`the title case of "${char}" is not supported`);
  return upper[0]! + upper.slice(1).toLowerCase();
}

/** The first character as in a title, all others in lower case. */
export function capitalize(text: string): string {
  if (text === "") return "";
  const first = String.fromCodePoint(text.codePointAt(0)!);
  // Lower case depends on the letters before: a sigma at a word's end is another one.
  return titleChar(first) + text.toLowerCase().slice(first.toLowerCase().length);
}

const CASED = /[\p{Uppercase}\p{Lowercase}\p{Lt}]/u;

/** Every word as in a title, where a word begins after what is no letter. */
export function titleCase(text: string): string {
  const lower = [...text];
  let inWord = false;
  return lower.map((char) => {
    const isCased = CASED.test(char);
    const result = !isCased ? char : inWord ? char.toLowerCase() : titleChar(char);
    inWord = isCased;
    return result;
  }).join("");
}

/** Capitals for small letters, and small letters for capitals. */
export function swapCase(text: string): string {
  return [...text].map((char) => /\p{Uppercase}/u.test(char) ? char.toLowerCase() : char.toUpperCase()).join("");
}

/** A text for comparisons without case. */
export function caseFold(text: string): string {
  return [...text].map((char) => {
    if (char === "ß" || char === "ẞ") return "ss";
    const lower = char.toLowerCase();
    if (char <= "\u00ff" && char !== "µ") return lower;
    if (lower === char && char.toUpperCase() === char) return char;
    throw new TemplateError(`casefold() of "${char}" is not supported`);
  }).join("");
}

/** Digits that are no decimals, such as superscripts. */
const DIGITS =
  /[\xb2\xb3\xb9\u1369-\u1371\u19da\u2070\u2074-\u2079\u2080-\u2089\u2460-\u2468\u2474-\u247c\u2488-\u2490\u24ea\u24f5-\u24fd\u24ff\u2776-\u277e\u2780-\u2788\u278a-\u2792\u{10a40}-\u{10a43}\u{10e60}-\u{10e68}\u{11052}-\u{1105a}\u{1f100}-\u{1f10a}]/u;

/** What Python escapes in the text of a string within a list. */
export const UNPRINTABLE: RegExp = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;

const isAll = (test: (char: string) => boolean) => (text: string): boolean => text !== "" && [...text].every(test);
const isDecimal = (char: string): boolean => /\p{Nd}/u.test(char);
const isDigit = (char: string): boolean => isDecimal(char) || DIGITS.test(char);
const isAlpha = (char: string): boolean => /\p{L}/u.test(char);

function isNumeric(char: string): boolean {
  if (/\p{Script=Han}/u.test(char)) throw new TemplateError(`isnumeric() of "${char}" is not supported`);
  return /\p{N}/u.test(char);
}

function isTitle(text: string): boolean {
  let inWord = false;
  let some = false;
  for (const char of text) {
    if (/[\p{Uppercase}\p{Lt}]/u.test(char)) {
      if (inWord) return false;
      inWord = some = true;
    } else if (/\p{Lowercase}/u.test(char)) {
      if (!inWord) return false;
      inWord = some = true;
    } else inWord = false;
  }
  return some;
}

/** Python's tests of text, by their names. */
export const TEXT_CLASSES: ReadonlyMap<string, (text: string) => boolean> = new Map(Object.entries({
  isalpha: isAll(isAlpha),
  isalnum: isAll((char) => isAlpha(char) || isDigit(char) || isNumeric(char)),
  isdecimal: isAll(isDecimal),
  isdigit: isAll(isDigit),
  isnumeric: isAll(isNumeric),
  isspace: isAll(isSpace),
  islower: (text: string): boolean => /\p{Lowercase}/u.test(text) && !/[\p{Uppercase}\p{Lt}]/u.test(text),
  isupper: (text: string): boolean => /\p{Uppercase}/u.test(text) && !/[\p{Lowercase}\p{Lt}]/u.test(text),
  istitle: isTitle,
  // deno-lint-ignore no-control-regex
  isascii: (text: string): boolean => /^[\x00-\x7f]*$/.test(text),
  isprintable: (text: string): boolean => !UNPRINTABLE.test(text),
  isidentifier: (text: string): boolean => /^[\p{XIDS}_]\p{XIDC}*$/u.test(text),
}));
