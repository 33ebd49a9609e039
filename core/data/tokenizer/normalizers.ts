/** The normalizers of tokenizers: they change a text before it is cut into tokens. @module */
import type { JsonValue } from "../formats/json_rows.ts";
import { toByteLetters } from "./byte_letters.ts";
import { normalizeText } from "./mark_order.ts";
import { readPrecompiled } from "./precompiled_normalizer.ts";
import { checkGrowth } from "./text_growth.ts";
import { replacerOf } from "./text_pattern.ts";
import { partsOf, type TokenizerPart } from "./tokenizer_part.ts";
import { CONTROLS, isSpace, MARKS, NONSPACING, UNNORMALIZED } from "./unicode_sets.ts";

/** Changes a text. Throws an Error if the result would be longer than `limit`. */
export type Normalize = (text: string, limit: number) => string;

/** One for each type of normalizer. */
const NORMALIZERS: Readonly<Record<string, (part: TokenizerPart) => Normalize>> = {
  BertNormalizer: readBert,
  ByteLevel: () => toByteLetters,
  Lowercase: () => lowercase,
  NFC: () => (text) => normalForm(text, "NFC"),
  NFD: () => (text) => normalForm(text, "NFD"),
  NFKC: () => (text) => normalForm(text, "NFKC"),
  NFKD: () => (text) => normalForm(text, "NFKD"),
  Nmt: () => nmt,
  Precompiled: readPrecompiled,
  Prepend: (part) => {
    const prefix = part.text("prepend");
    return (text) => text === "" ? "" : prefix + text;
  },
  Replace: replacerOf,
  Strip: (part) => {
    const left = part.flag("strip_left");
    const right = part.flag("strip_right");
    return (text) => strip(text, { left, right });
  },
  StripAccents: () => (text) => withoutChars(text, (code) => MARKS.has(code)),
};

/** The types of normalizers. */
export const NORMALIZER_TYPES: readonly string[] = Object.keys(NORMALIZERS);

/** The normalizers of a tokenizer.json as one; null if there is none. Throws a UserError for what is not supported. */
export function readNormalizer(json: JsonValue | undefined): Normalize | null {
  const parts = partsOf(json, { key: "normalizer", list: "normalizers", types: NORMALIZER_TYPES });
  const steps = parts.map((part) => NORMALIZERS[part.type]!(part));
  if (steps.length === 0) return null;
  return (text, limit) => {
    for (const step of steps) {
      text = step(text, limit);
      checkGrowth(text.length, limit);
    }
    return text;
  };
}

/** A normal form, in which characters that Rust does not know yet stay as they are. */
function normalForm(text: string, form: "NFC" | "NFD" | "NFKC" | "NFKD"): string {
  if (isAscii(text)) return text;
  let result = "";
  let from = 0;
  for (let i = 0; i < text.length;) {
    const code = text.codePointAt(i)!;
    const end = i + (code > 0xffff ? 2 : 1);
    // The first of them is U+0870.
    if (code > 0x7ff && UNNORMALIZED.has(code)) {
      result += normalizeText(text.slice(from, i), form) + text.slice(i, end);
      from = end;
    }
    i = end;
  }
  return result + normalizeText(text.slice(from), form);
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

/** Letters whose small ones are new in Unicode 17. */
const NEW_CAPITALS = /[\ua7ce\ua7d2\ua7d4\u{16ea0}-\u{16eb8}]/gu;

/** Each character by itself: a sigma at the end of a word is no other than one within it. */
function lowercase(text: string): string {
  return text.replaceAll("Σ", "σ").toLowerCase().replace(NEW_CAPITALS, (capital) => {
    const code = capital.codePointAt(0)!;
    return String.fromCodePoint(code + (code > 0xffff ? 27 : 1));
  });
}

function strip(text: string, { left, right }: { left: boolean; right: boolean }): string {
  let start = 0;
  let end = text.length;
  if (left) { while (start < end && isSpace(text.charCodeAt(start))) start++; }
  if (right) { while (end > start && isSpace(text.charCodeAt(end - 1))) end--; }
  return text.slice(start, end);
}

function withoutChars(text: string, drops: (codePoint: number) => boolean): string {
  let result = "";
  for (const char of text) if (!drops(char.codePointAt(0)!)) result += char;
  return result;
}

/** The clean-up of neural machine translation: no control characters, and a space for each that looks like one. */
function nmt(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x01-\x08\x0b\x0e-\x1f\x7f\x8f\x9f]/g, "")
    .replace(/[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g, " ");
}

function readBert(part: TokenizerPart): Normalize {
  const clean = part.flag("clean_text");
  const chinese = part.flag("handle_chinese_chars");
  const lower = part.flag("lowercase");
  const stripsAccents = part.flag("strip_accents", lower);
  return (text) => {
    if (clean) {
      let result = "";
      for (const char of text) {
        const code = char.codePointAt(0)!;
        if (code !== 0 && !CONTROLS.has(code)) result += isSpace(code) ? " " : char;
      }
      text = result;
    }
    if (chinese) text = text.replace(CHINESE, " $& ");
    if (stripsAccents) text = withoutChars(normalForm(text, "NFD"), (code) => NONSPACING.has(code));
    return lower ? lowercase(text) : text;
  };
}

const CHINESE =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;
