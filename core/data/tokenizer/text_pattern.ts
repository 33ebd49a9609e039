/** Finds the matches of a tokenizer's pattern, which is a text or a regular expression of Oniguruma. @module */
import { UserError } from "../../error.ts";
import { isRecord } from "../../values.ts";
import { errorLine, shortQuote } from "../formats/data_problems.ts";
import { LinearRegExp } from "./linear_regexp.ts";
import { checkGrowth, replaceMatches } from "./text_growth.ts";
import type { TokenizerPart } from "./tokenizer_part.ts";

/** The longest pattern, in characters, above that of any tokenizer. */
const MAX_PATTERN = 1 << 16;

/** Finds the matches in a text, one after another, each as its start and its end. */
export interface FindMatches {
  (text: string): number[];
  /** The matches themselves, where there is never anything between them. */
  cover?: (text: string) => string[];
}

const CONTRACTIONS = "'s|'t|'re|'ve|'m|'ll|'d";
const REST = "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const BEGUN = "[^\\r\\n\\p{L}\\p{N}]?";
const CAPITALS = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
const SMALL = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";

/** GPT-2's pattern, by which ByteLevel splits. */
export const GPT2_PATTERN: string = `${CONTRACTIONS}| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+`;

/**
 * Published patterns that the engine's own regular expressions match in linear time, several times as fast as ours: of
 * GPT-2, Llama 3, Qwen 2, and GPT-4o. Each takes every character of a text into a match.
 */
const TRUSTED: ReadonlySet<string> = new Set([
  GPT2_PATTERN,
  ...["\\p{N}{1,3}", "\\p{N}"].map((numbers) =>
    `(?i:${CONTRACTIONS})|${BEGUN}\\p{L}+|${numbers}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*${REST}`
  ),
  `${BEGUN}${CAPITALS}*${SMALL}+(?i:${CONTRACTIONS})?|${BEGUN}${CAPITALS}+${SMALL}*(?i:${CONTRACTIONS})?` +
  `|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*${REST}`,
]);

/** The pattern `pattern` of a part. Throws a UserError for one that is broken or not supported. */
export function patternOf(part: TokenizerPart): FindMatches {
  const { regex, literal } = patternTextOf(part);
  return regex === undefined ? findLiteral(literal!) : findPattern(regex);
}

/**
 * Replaces the pattern of a part by its `content`; an Error is thrown where the text would be longer than a limit.
 * Throws a UserError for a pattern that is broken or not supported.
 */
export function replacerOf(part: TokenizerPart): (text: string, limit: number) => string {
  const { literal } = patternTextOf(part);
  const content = part.text("content");
  if (!literal) {
    const find = patternOf(part);
    return (text, limit) => replaceMatches(text, { matches: find(text), content, limit });
  }
  return (text, limit) => {
    const between = text.split(literal);
    checkGrowth(text.length + (between.length - 1) * (content.length - literal.length), limit);
    return between.join(content);
  };
}

function patternTextOf(part: TokenizerPart): { regex?: string; literal?: string } {
  const pattern = part.value("pattern");
  const { Regex: regex, String: literal } = isRecord(pattern) ? pattern : {};
  const text = regex ?? literal;
  if (typeof text !== "string") throw new UserError(`"${part.key}.pattern" is not {Regex} or {String}`);
  if (text.length > MAX_PATTERN) throw new UserError(`a pattern has ${text.length} characters`);
  return text === regex ? { regex: text } : { literal: text };
}

/** Finds the matches of a regular expression. Throws a UserError for one that is broken or not supported. */
export function findPattern(regex: string): FindMatches {
  const native = TRUSTED.has(regex) ? nativePattern(regex) : null;
  if (native !== null) return native;
  try {
    const pattern = new LinearRegExp(regex);
    return (text) => text === "" ? [] : pattern.matches(text);
  } catch (error) {
    throw new UserError(`the pattern ${shortQuote(regex)}: ${errorLine(error)}`);
  }
}

/** The pattern for the engine; null if it does not know the syntax. */
function nativePattern(regex: string): FindMatches | null {
  // JavaScript's white space is another set.
  const source = regex.replaceAll("\\s", "\\p{White_Space}").replaceAll("\\S", "\\P{White_Space}");
  let pattern: RegExp;
  try {
    pattern = new RegExp(source, "gu");
  } catch {
    return null;
  }
  const cover = (text: string): string[] => text.match(pattern) ?? [];
  const find = (text: string): number[] => {
    let end = 0;
    return cover(text).flatMap((match) => [end, end += match.length]);
  };
  return Object.assign(find, { cover });
}

function findLiteral(literal: string): FindMatches {
  return (text) => {
    const matches: number[] = [];
    if (text === "") return matches;
    if (literal === "") {
      // The empty text is everywhere, also at the end.
      for (let i = 0; i <= text.length; i += text.codePointAt(i)! > 0xffff ? 2 : 1) matches.push(i, i);
      return matches;
    }
    for (let at = text.indexOf(literal); at !== -1; at = text.indexOf(literal, at + literal.length)) {
      matches.push(at, at + literal.length);
    }
    return matches;
  };
}
