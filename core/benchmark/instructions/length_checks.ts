/** Whether an answer has as many words, sentences and paragraphs as it should. @module */
import { SPACE, strip } from "../../data/tokenizer/template/python_strings.ts";
import type { InstructionCheck } from "./instruction_kwargs.ts";
import { sentenceCount } from "./sentence_count.ts";

/** What words are made of (UTS 18), as NLTK has it since 3.10; before, a combining mark ended a word. */
const WORDS = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+/gu;

/** Runs of letters, digits and `_` are words. */
export const hasWords: InstructionCheck = (answer, kwargs) =>
  kwargs.compares(answer.match(WORDS)?.length ?? 0, { name: "num_words", relation: "relation" });

/** Sentences, by rules of our own; lm-eval's are NLTK's. */
export const hasSentences: InstructionCheck = (answer, kwargs) =>
  kwargs.compares(sentenceCount(answer), { name: "num_sentences", relation: "relation" });

/** Paragraphs with `***` between them, none of which is empty. */
export const hasParagraphs: InstructionCheck = (answer, kwargs) => {
  const wanted = kwargs.count("num_paragraphs");
  const parts = answer.split(new RegExp(`[${SPACE}]?\\*\\*\\*[${SPACE}]?`));
  const isEmpty = parts.map((part) => strip(part, null) === "");
  if (isEmpty.some((empty, i) => empty && i > 0 && i < parts.length - 1)) return false;
  return isEmpty.filter((empty) => !empty).length === wanted;
};

/** Marks that end a paragraph's first word. */
const MARKS = /[.,?!'"]/;

/** Paragraphs with empty lines between them, of which the n-th begins with a word. */
export const hasFirstWord: InstructionCheck = (answer, kwargs) => {
  const [wanted, nth] = [kwargs.count("num_paragraphs"), kwargs.count("nth_paragraph")];
  const first = kwargs.text("first_word").toLowerCase();
  const paragraphs = answer.split("\n\n");
  const count = paragraphs.filter((each) => strip(each, null) !== "").length;
  if (count !== wanted || nth > count) return false;
  const paragraph = strip(paragraphs[nth - 1]!, null);
  if (paragraph === "") return false;
  const [word = ""] = paragraph.split(new RegExp(`[${SPACE}]+`));
  const [letters = ""] = word.replace(/^'+/, "").replace(/^"+/, "").split(MARKS);
  return [...letters].map((letter) => letter.toLowerCase()).join("") === first;
};
