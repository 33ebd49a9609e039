/** The checks of IFEval's 25 instructions, by their names. @module */
import * as format from "./format_checks.ts";
import type { InstructionCheck, InstructionKwargs } from "./instruction_kwargs.ts";
import * as keyword from "./keyword_checks.ts";
import * as length from "./length_checks.ts";
import * as whole from "./whole_checks.ts";

/** The checks. */
export const INSTRUCTIONS: Readonly<Record<string, InstructionCheck>> = {
  "keywords:existence": keyword.hasKeywords,
  "keywords:frequency": keyword.hasKeywordOften,
  "keywords:forbidden_words": keyword.hasNoForbiddenWord,
  "keywords:letter_frequency": keyword.hasLetterOften,
  "language:response_language": whole.isInLanguage,
  "length_constraints:number_sentences": length.hasSentences,
  "length_constraints:number_paragraphs": length.hasParagraphs,
  "length_constraints:number_words": length.hasWords,
  "length_constraints:nth_paragraph_first_word": length.hasFirstWord,
  "detectable_content:number_placeholders": format.hasPlaceholders,
  "detectable_content:postscript": format.hasPostscript,
  "detectable_format:number_bullet_lists": format.hasBullets,
  "detectable_format:constrained_response": format.isConstrained,
  "detectable_format:number_highlighted_sections": format.hasHighlights,
  "detectable_format:multiple_sections": format.hasSections,
  "detectable_format:json_format": format.isJson,
  "detectable_format:title": format.hasTitle,
  "combination:two_responses": whole.hasTwoResponses,
  "combination:repeat_prompt": whole.repeatsPrompt,
  "startend:end_checker": whole.endsWithPhrase,
  "change_case:capital_word_frequency": keyword.hasCapitalWords,
  "change_case:english_capital": whole.isEnglishCapital,
  "change_case:english_lowercase": whole.isEnglishLowercase,
  "punctuation:no_comma": whole.hasNoComma,
  "startend:quotation": whole.isQuoted,
};

/**
 * Those that may differ from lm-eval's, which asks other libraries for languages, sentences and words, each with whether
 * it may where its kwargs are these.
 */
export const OWN_INSTRUCTIONS: Readonly<Record<string, (kwargs: InstructionKwargs) => boolean>> = {
  "language:response_language": () => true,
  "change_case:english_capital": () => true,
  "change_case:english_lowercase": () => true,
  "change_case:capital_word_frequency": () => true,
  "length_constraints:number_sentences": () => true,
  // lm-eval draws a letter in place of any other sign.
  "keywords:letter_frequency": (kwargs) => !/^[a-z]$/i.test(kwargs.text("letter")),
};
