/** Whether an answer as a whole is what it should be: its beginning and end, its language, its letters. @module */
import { strip } from "../../data/tokenizer/template/python_strings.ts";
import { isLower, isUpper } from "./capital_words.ts";
import type { InstructionCheck } from "./instruction_kwargs.ts";
import { languageOf } from "./response_language.ts";

/** Two different answers with six asterisks between them. */
export const hasTwoResponses: InstructionCheck = (answer) => {
  const parts = answer.split("******").map((part) => strip(part, null));
  if (parts.some((part, i) => part === "" && i > 0 && i < parts.length - 1)) return false;
  const [first, second, ...more] = parts.filter((part) => part !== "");
  return second !== undefined && more.length === 0 && first !== second;
};

/** The prompt's own words come first. */
export const repeatsPrompt: InstructionCheck = (answer, kwargs) =>
  strip(answer, null).toLowerCase().startsWith(kwargs.stripped("prompt_to_repeat").toLowerCase());

/** A phrase comes last, also within quotation marks. */
export const endsWithPhrase: InstructionCheck = (answer, kwargs) =>
  strip(strip(answer, null), '"').toLowerCase().endsWith(kwargs.stripped("end_phrase").toLowerCase());

/** Quotation marks are around all of it. */
export const isQuoted: InstructionCheck = (answer) => {
  const text = strip(answer, null);
  return text.length > 1 && text.startsWith('"') && text.endsWith('"');
};

/** There is no comma. */
export const hasNoComma: InstructionCheck = (answer) => !answer.includes(",");

/** A text whose language cannot be told counts as right, as in lm-eval. */
const isIn = (answer: string, language: string): boolean => [language, null].includes(languageOf(answer));

/** All is in one language. */
export const isInLanguage: InstructionCheck = (answer, kwargs) => isIn(answer, kwargs.text("language"));

/** All is English in capital letters. */
export const isEnglishCapital: InstructionCheck = (answer) => isUpper(answer) && isIn(answer, "en");

/** All is English in small letters. */
export const isEnglishLowercase: InstructionCheck = (answer) => isLower(answer) && isIn(answer, "en");
