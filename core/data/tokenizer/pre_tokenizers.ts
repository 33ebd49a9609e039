/** The pre-tokenizers: they cut a normalized text into pieces, within which a model finds tokens. @module */
import { UserError } from "../../error.ts";
import type { JsonValue } from "../formats/json_rows.ts";
import { toByteLetters } from "./byte_letters.ts";
import { charsThat, SPLIT_BEHAVIORS, splitAt, type SplitBehavior } from "./split_behavior.ts";
import { checkGrowth } from "./text_growth.ts";
import { findPattern, GPT2_PATTERN, patternOf } from "./text_pattern.ts";
import { partsOf, type TokenizerPart } from "./tokenizer_part.ts";
import { isSpace, isWord, NUMERIC, PUNCTUATION } from "./unicode_sets.ts";

/** Pieces of a text, none of them empty, and whether the first one begins where the whole input does. */
export interface Pieces {
  texts: string[];
  atStart: boolean;
}

/** Cuts pieces further, and may change them. Throws an Error if one would be longer than `limit`. */
export type PreTokenize = (pieces: Pieces, limit: number) => Pieces;

/** All pre-tokenizers of a tokenizer. */
export interface PreTokenizer {
  split: PreTokenize;
  /** What is still to be done to each piece, by itself; null if nothing. */
  finish: ((piece: string) => string) | null;
}

/** One for each type of pre-tokenizer. */
const PRE_TOKENIZERS: Readonly<Record<string, (part: TokenizerPart) => PreTokenize>> = {
  BertPreTokenizer: () => {
    const words = byChars(isSpace, "Removed");
    const marks = byChars((code) => PUNCTUATION.has(code), "Isolated");
    return (pieces, limit) => marks(words(pieces, limit), limit);
  },
  ByteLevel: (part) => {
    const split = readByteLevel(part);
    return (pieces, limit) => {
      const { texts, atStart } = split(pieces, limit);
      return { texts: changed(texts, toByteLetters, limit), atStart };
    };
  },
  CharDelimiterSplit: (part) => {
    const delimiter = part.char("delimiter").codePointAt(0);
    return byChars((code) => code === delimiter, "Removed");
  },
  Digits: (part) => byChars((code) => NUMERIC.has(code), part.flag("individual_digits") ? "Isolated" : "Contiguous"),
  FixedLength: (part) => {
    const length = part.count("length", 5);
    if (length === 0) throw part.refusal("length", "an integer from 1");
    return cut((text) => chunks(text, length));
  },
  Metaspace: readMetaspace,
  Punctuation: (part) => byChars((code) => PUNCTUATION.has(code), behaviorOf(part, "Isolated")),
  Split: (part) => {
    const find = patternOf(part);
    const behavior = behaviorOf(part);
    const invert = part.flag("invert");
    if (behavior === "Isolated" && find.cover) return cutWholly(find.cover);
    return cut((text) => splitAt(text, { matches: find(text), behavior, invert }));
  },
  Whitespace: () => cut(words),
  WhitespaceSplit: () => byChars(isSpace, "Removed"),
};

/** The types of pre-tokenizers. */
export const PRE_TOKENIZER_TYPES: readonly string[] = Object.keys(PRE_TOKENIZERS);

/**
 * The pre-tokenizers of a tokenizer.json, which may have a normalizer before them. Throws a UserError for what is not
 * supported.
 */
export function readPreTokenizer(json: JsonValue | undefined, { normalizes }: { normalizes: boolean }): PreTokenizer {
  const parts = partsOf(json, { key: "pre_tokenizer", list: "pretokenizers", types: PRE_TOKENIZER_TYPES });
  for (const [i, part] of parts.entries()) {
    if (part.type !== "Metaspace" || part.value("prepend_scheme") !== "first") continue;
    const changes = parts.slice(0, i).some(({ type }) => type === "ByteLevel" || type === "Metaspace");
    // Where a piece began in the input is not known of a text that was changed.
    if (normalizes || changes) {
      throw new UserError(
        `"${part.key}.prepend_scheme" is "first" after ${
          normalizes ? "a normalizer" : "another part"
        }, which is not supported`,
      );
    }
  }
  const last = parts.at(-1);
  const isLetters = last?.type === "ByteLevel";
  const steps = parts.map((part) =>
    isLetters && part === last ? readByteLevel(part) : PRE_TOKENIZERS[part.type]!(part)
  );
  return {
    split: (pieces, limit) => steps.reduce((before, step) => step(before, limit), pieces),
    finish: isLetters ? toByteLetters : null,
  };
}

/** Cuts each piece into those that `spans` gives as starts and ends. */
function cut(spans: (text: string) => number[]): PreTokenize {
  return ({ texts, atStart }) => {
    const cuts: string[] = [];
    let isFirst = atStart;
    for (const [i, text] of texts.entries()) {
      const bounds = spans(text);
      if (i === 0 && bounds[0] !== 0) isFirst = false;
      for (let j = 0; j < bounds.length; j += 2) {
        if (bounds[j] !== bounds[j + 1]) cuts.push(text.slice(bounds[j], bounds[j + 1]));
      }
    }
    return { texts: cuts, atStart: isFirst };
  };
}

/** Cuts each piece into those that `cover` gives, which are all of it. */
function cutWholly(cover: (text: string) => string[]): PreTokenize {
  return ({ texts, atStart }) => ({ texts: texts.length === 1 ? cover(texts[0]!) : texts.flatMap(cover), atStart });
}

function byChars(test: (codePoint: number) => boolean, behavior: SplitBehavior): PreTokenize {
  return cut((text) => splitAt(text, { matches: charsThat(text, test), behavior }));
}

function behaviorOf(part: TokenizerPart, fallback?: SplitBehavior): SplitBehavior {
  return part.choice("behavior", SPLIT_BEHAVIORS, fallback);
}

function changed(texts: readonly string[], change: (text: string) => string, limit: number): string[] {
  let length = 0;
  return texts.map((text) => {
    const result = change(text);
    checkGrowth(length += result.length, limit);
    return result;
  });
}

/** ByteLevel without the letters. */
function readByteLevel(part: TokenizerPart): PreTokenize {
  const prefixes = part.flag("add_prefix_space");
  const find = part.flag("use_regex", true) ? findPattern(GPT2_PATTERN) : null;
  const split: PreTokenize = find === null
    ? (pieces) => pieces
    : find.cover
    ? cutWholly(find.cover)
    : cut((text) => splitAt(text, { matches: find(text), behavior: "Isolated" }));
  if (!prefixes) return split;
  return ({ texts, atStart }, limit) => {
    const prefixed = changed(texts, (text) => text.startsWith(" ") ? text : ` ${text}`, limit);
    return split({ texts: prefixed, atStart }, limit);
  };
}

function readMetaspace(part: TokenizerPart): PreTokenize {
  const { replacement, scheme } = metaspaceOptions(part);
  const mark = replacement.codePointAt(0);
  const split = part.flag("split", true) ? byChars((code) => code === mark, "MergedWithNext") : null;
  return ({ texts, atStart }, limit) => {
    let isFirst = atStart;
    const marked = changed(texts, (text) => {
      const prepends = scheme === "always" || (scheme === "first" && isFirst);
      isFirst = false;
      const replaced = text.replaceAll(" ", () => replacement);
      return prepends && !replaced.startsWith(replacement) ? replacement + replaced : replaced;
    }, limit);
    const pieces = { texts: marked, atStart };
    return split === null ? pieces : split(pieces, limit);
  };
}

/** What Metaspace writes for a space, and before which texts. Throws a UserError if its options contradict each other. */
export function metaspaceOptions(
  part: TokenizerPart,
): { replacement: string; scheme: "always" | "never" | "first" } {
  const scheme = part.choice("prepend_scheme", ["always", "never", "first"] as const, "always");
  // Older files say only whether a space is written.
  if (!part.flag("add_prefix_space", true)) {
    if (scheme !== "never") throw part.refusal("add_prefix_space", `true with "prepend_scheme" ${scheme}`);
  }
  return { replacement: part.char("replacement"), scheme };
}

/** Words, and runs of what is neither a word nor white space. */
function words(text: string): number[] {
  const spans: number[] = [];
  let kind = 0;
  for (let i = 0; i < text.length;) {
    const code = text.codePointAt(i)!;
    const end = i + (code > 0xffff ? 2 : 1);
    const now = isWord(code) ? 1 : isSpace(code) ? 0 : 2;
    if (now !== 0 && now === kind) spans[spans.length - 1] = end;
    else if (now !== 0) spans.push(i, end);
    kind = now;
    i = end;
  }
  return spans;
}

function chunks(text: string, length: number): number[] {
  const spans: number[] = [];
  let start = 0;
  let count = 0;
  for (let i = 0; i < text.length;) {
    i += text.codePointAt(i)! > 0xffff ? 2 : 1;
    if (++count < length && i < text.length) continue;
    spans.push(start, i);
    start = i;
    count = 0;
  }
  return spans;
}
