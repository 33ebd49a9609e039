/** Whether a text is the right answer, as lm-eval's exact_match says (0.4.13, `api/metrics.py`). @module */
import { lengthOf } from "../data/tokenizer/template/python_strings.ts";
import { UserError } from "../error.ts";
import { quote } from "../values.ts";
import { PythonRegExp } from "./python_regexp.ts";
import type { MetricConfig } from "./task_config.ts";

const PUNCTUATION = /[!-/:-@[-`{-~]/g;

/** Compares two texts. */
export type TextsMatch = (prediction: string, reference: string) => boolean;

/** A comparison with the metric's settings. Throws a UserError for a pattern that is broken or not supported. */
export function exactMatch(settings: MetricConfig): TextsMatch {
  const { regexes_to_ignore: sources, ignore_case: anyCase, ignore_punctuation: noMarks, ignore_numbers: noDigits } =
    settings;
  const patterns = sources?.map((source) => {
    try {
      return new PythonRegExp(source);
    } catch (error) {
      throw new UserError(`Cannot use ${quote(source)} of "regexes_to_ignore": ${(error as Error).message}`);
    }
  });
  const settle = (text: string): string => {
    let settled = patterns === undefined
      ? withoutNulls(text)
      : patterns.reduce((rest, pattern) => withoutNulls(pattern.remove(rest)), text);
    if (anyCase) settled = lowerCase(settled);
    if (noMarks) settled = settled.replace(PUNCTUATION, "");
    if (noDigits) settled = settled.replace(/[0-9]/g, "");
    return settled;
  };
  return (prediction, reference) => settle(prediction) === settle(reference);
}

/** Small letters as numpy makes them, whose texts grow no longer: of "İ" only the first letter stays. */
function lowerCase(text: string): string {
  const lower = text.toLowerCase();
  return lower.length === text.length ? lower : [...lower].slice(0, lengthOf(text)).join("");
}

/** A text as it comes back from an array of numpy. */
function withoutNulls(text: string): string {
  return text.replace(/\0+$/, "");
}
