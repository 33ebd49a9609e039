/** Words in capital letters, cut as NLTK cuts them (the Penn Treebank's way). @module */
import { SPACE } from "../../data/tokenizer/template/python_strings.ts";

/** A letter or digit, or `_`. */
const WORD = "[\\p{L}\\p{N}_]";

/** What is a word by itself wherever it stands. */
const SEPARATE = /[«»“”„‘’`";@#$%&?!*<>()[\]{}\u2012-\u2015]|''|--|\.{2,}|[:,](?!\d)/gu;

/** A quotation mark before a word, unless it stands for what a short form leaves out. */
const OPENING = new RegExp(`(?<!${WORD})'(?!(?:re|ve|ll|m|t|s|d|n)(?!${WORD}))(?=${WORD})`, "giu");

/** Short forms that are two words, at a word's end. */
const SHORT_ENDS = [/^(.*[^' ])('[sSmMdD])$/u, /^(.*[^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T)$/u];

/** Words that are written as one, and are two. */
const JOINED = new RegExp(
  `(?<!${WORD})(?:(can)(not)|(gim)(me)|(gon)(na)|(got)(ta)|(lem)(me)|(wan)(na)|(d)('ye)|(more)('n))(?!${WORD})`,
  "giu",
);

/** Whether a word has capital letters and no others, as Python's `isupper()` says. */
export function isUpper(word: string): boolean {
  return /\p{Uppercase}/u.test(word) && !/[\p{Lowercase}\p{Lt}]/u.test(word);
}

/** Whether a text has small letters and no others, as Python's `islower()` says. */
export function isLower(text: string): boolean {
  return /\p{Lowercase}/u.test(text) && !/[\p{Uppercase}\p{Lt}]/u.test(text);
}

/** How many words of a text are in capital letters. */
export function capitalWords(text: string): number {
  const spaced = text.replace(SEPARATE, " $& ").replace(OPENING, "' ");
  return spaced.split(new RegExp(`[${SPACE}]+`)).flatMap(partsOf).filter(isUpper).length;
}

function partsOf(word: string): string[] {
  let parts = [word];
  for (const end of SHORT_ENDS) {
    parts = parts.flatMap((part) => end.exec(part)?.slice(1) ?? [part]);
  }
  return parts.flatMap((part) =>
    part.replace(JOINED, (_, ...groups) => ` ${groups.slice(0, 16).filter((each) => each !== undefined).join(" ")} `)
      .split(" ")
  );
}
