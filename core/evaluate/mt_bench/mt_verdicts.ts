/** Reads the verdicts of a judge of conversations, strictly: another form than the one asked for is none. @module */
import type { ReplyForm } from "../../label/reply_count.ts";
import { withoutReasoning } from "../../label/verdict.ts";

/** Which of two assistants is better; C: neither. */
export type Choice = "A" | "B" | "C";

/** The rating in `[[…]]`, from 1 to 10; null if there is none, or there are several that differ. */
export function readRating(reply: string): number | null {
  const ratings = bracketed(reply, /\[\[(\d{1,2}(?:\.\d{1,9})?)\]\]/g).map(Number);
  const [rating] = ratings;
  if (rating === undefined || ratings.some((other) => other !== rating)) return null;
  return rating >= 1 && rating <= 10 ? rating : null;
}

/** The choice in `[[…]]`; null if there is none, or there are several that differ. */
export function readChoice(reply: string): Choice | null {
  const choices = bracketed(reply, /\[\[([ABC])\]\]/g);
  const [choice] = choices;
  return choice === undefined || choices.some((other) => other !== choice) ? null : choice as Choice;
}

/** What an unreadable reply should have held. */
export const RATING_FORM: ReplyForm = { expected: "[[1]] to [[10]]", isIn: (reply) => readRating(reply) !== null };

/** What an unreadable reply should have held. */
export const CHOICE_FORM: ReplyForm = {
  expected: "[[A]], [[B]] or [[C]]",
  isIn: (reply) => readChoice(reply) !== null,
};

/** Reasoning is left out: it may weigh other verdicts. */
function bracketed(reply: string, form: RegExp): string[] {
  return [...withoutReasoning(reply).matchAll(form)].map((match) => match[1]!);
}
