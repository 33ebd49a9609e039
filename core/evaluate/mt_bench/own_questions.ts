/**
 * The questions that are asked where no file is named: 8 categories of 10, as MT-Bench has them, in words of our own.
 * @module
 */
import { type MtQuestion, temperatureOf } from "./mt_question.ts";
import type { OwnQuestion } from "./own_question.ts";
import { CODING } from "./questions/coding.ts";
import { EXTRACTION } from "./questions/extraction.ts";
import { HUMANITIES } from "./questions/humanities.ts";
import { MATH } from "./questions/math.ts";
import { REASONING } from "./questions/reasoning.ts";
import { ROLEPLAY } from "./questions/roleplay.ts";
import { STEM } from "./questions/stem.ts";
import { WRITING } from "./questions/writing.ts";

const CATEGORIES: Readonly<Record<string, readonly OwnQuestion[]>> = {
  writing: WRITING,
  roleplay: ROLEPLAY,
  reasoning: REASONING,
  math: MATH,
  coding: CODING,
  extraction: EXTRACTION,
  stem: STEM,
  humanities: HUMANITIES,
};

/** All 80, numbered from 1. */
export const OWN_QUESTIONS: readonly MtQuestion[] = Object.entries(CATEGORIES).flatMap(([category, questions]) =>
  questions.map(({ turns, references = [] }) => ({
    category,
    turns,
    references,
    temperature: temperatureOf(category),
  }))
).map((question, row) => ({ id: row + 1, row, ...question }));
