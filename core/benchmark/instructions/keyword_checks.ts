/** Whether an answer has words and letters as often as it should. Words are Python's patterns, as in lm-eval. @module */
import { capitalWords } from "./capital_words.ts";
import { countOf, type InstructionCheck } from "./instruction_kwargs.ts";

/** Letters whose case Python's patterns here do not ignore; within a plain word JavaScript's do it in the same way. */
const OTHER_LETTERS = /^[\p{L}\p{M}\p{N} -]*[^\0-\x7f][\p{L}\p{M}\p{N} -]*$/u;

/** How often a word is there in either case, if asked for as a word of its own. */
function wordCount(word: string, answer: string, { isWhole = false }: { isWhole?: boolean } = {}): number {
  if (!OTHER_LETTERS.test(word)) return countOf(isWhole ? `(?i:\\b${word}\\b)` : `(?i:${word})`, answer);
  const inWord = "[\\p{L}\\p{N}_]";
  const whole = `(?<!${inWord})${word}(?!${inWord})`;
  return answer.match(new RegExp(isWhole ? whole : word, "giu"))?.length ?? 0;
}

/** All words are there. */
export const hasKeywords: InstructionCheck = (answer, kwargs) =>
  kwargs.texts("keywords").every((word) => wordCount(word, answer) > 0);

/** A word is there often, or seldom enough. */
export const hasKeywordOften: InstructionCheck = (answer, kwargs) =>
  kwargs.compares(wordCount(kwargs.stripped("keyword"), answer), { name: "frequency", relation: "relation" });

/** No forbidden word is there as a word of its own. */
export const hasNoForbiddenWord: InstructionCheck = (answer, kwargs) =>
  kwargs.texts("forbidden_words").every((word) => wordCount(word, answer, { isWhole: true }) === 0);

/** A letter is there often, or seldom enough, in either case. lm-eval draws another where it is no letter of ASCII. */
export const hasLetterOften: InstructionCheck = (answer, kwargs) => {
  const letter = kwargs.text("letter").toLowerCase();
  return kwargs.compares(answer.toLowerCase().split(letter).length - 1, {
    name: "let_frequency",
    relation: "let_relation",
  });
};

/** Words in capital letters are there often, or seldom enough. */
export const hasCapitalWords: InstructionCheck = (answer, kwargs) =>
  kwargs.compares(capitalWords(answer), { name: "capital_frequency", relation: "capital_relation" });
