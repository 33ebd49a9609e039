/** Asks a judge about conversations: for a rating of each answer, or for the better of two. @module */
import { questionKey } from "../../label/judge_server.ts";
import type { Reply } from "../../label/reply_cache.ts";
import { ReplyCount, type ReplyForm } from "../../label/reply_count.ts";
import type { ServerQuestion, ServerQuestions } from "../../label/server_questions.ts";
import { choicePrompt, hasReference, ratingPrompt } from "./mt_prompts.ts";
import type { MtQuestion } from "./mt_question.ts";
import { type Choice, CHOICE_FORM, RATING_FORM, readChoice, readRating } from "./mt_verdicts.ts";

/** How a judge is asked. */
export interface JudgingOptions {
  asked: ServerQuestions;
  /** The share of replies that may be unreadable. */
  maxInvalid: number;
  onProgress: (done: number, total: number) => void;
}

/** What the judge made of the answer to a turn. */
export interface Judgment {
  question: MtQuestion;
  /** From 0. */
  turn: number;
  /** The rating, or how far the model is preferred to the baseline: 1, 0.5 or 0; null if a reply is unreadable. */
  value: number | null;
  /** The judge's replies, null for one that has no text; none where both conversations are the same. */
  replies: (string | null)[];
  hasReference: boolean;
  /** Whether the verdicts in both orders differ; absent where the judge is not asked so. */
  disagrees?: boolean;
}

/** Judgments with what is worth telling about the replies. */
export interface Judged {
  judgments: Judgment[];
  notes: string[];
}

/** Lets a judge rate each answer. Throws a UserError if the server fails or too many replies are unreadable. */
export async function rateAnswers(
  questions: readonly MtQuestion[],
  answers: readonly (readonly string[])[],
  options: JudgingOptions,
): Promise<Judged> {
  const turns = turnsOf(questions);
  const prompts = turns.map(({ question, i, turn }) => [ratingPrompt(question, answers[i]!, turn)]);
  const { replies, notes } = await askAll(prompts, {
    ...options,
    form: RATING_FORM,
    action: "Cannot rate the answers",
  });
  const judgments = turns.map(({ question, turn }, at): Judgment => {
    const [reply = null] = replies[at]!;
    const value = reply === null ? null : readRating(reply);
    return { question, turn, value, replies: [reply], hasReference: hasReference(question, turn) };
  });
  return { judgments, notes };
}

/**
 * Lets a judge compare each answer with the baseline's, in both orders: an answer wins or loses only if both verdicts say
 * so, else it is a tie. Throws a UserError as {@linkcode rateAnswers} does.
 */
export async function chooseAnswers(
  questions: readonly MtQuestion[],
  { answers, baseline }: { answers: readonly (readonly string[])[]; baseline: readonly (readonly string[])[] },
  options: JudgingOptions,
): Promise<Judged> {
  const turns = turnsOf(questions);
  const prompts = turns.map(({ question, i, turn }) => {
    const [own, other] = [answers[i]!, baseline[i]!];
    if (own.slice(0, turn + 1).every((text, j) => text === other[j])) return [];
    return [choicePrompt(question, { a: other, b: own }, turn), choicePrompt(question, { a: own, b: other }, turn)];
  });
  const { replies, notes } = await askAll(prompts, {
    ...options,
    form: CHOICE_FORM,
    action: "Cannot compare the answers",
  });
  const judgments = turns.map(({ question, turn }, at): Judgment => {
    const said = replies[at]!;
    const choices = said.map((reply) => reply === null ? null : readChoice(reply));
    const value = choices.includes(null) ? null : preference(choices as Choice[]);
    const disagrees = value === 0.5 && choices.length > 0 && !choices.every((choice) => choice === "C");
    return { question, turn, value, replies: said, hasReference: hasReference(question, turn), disagrees };
  });
  return { judgments, notes };
}

/** Of the choices with the model as B and as A; without choices both said the same. */
function preference([asB, asA]: readonly Choice[]): number {
  if (asB === "B" && asA === "A") return 1;
  return asB === "A" && asA === "B" ? 0 : 0.5;
}

interface QuestionTurn {
  question: MtQuestion;
  i: number;
  turn: number;
}

function turnsOf(questions: readonly MtQuestion[]): QuestionTurn[] {
  return questions.flatMap((question, i) => question.turns.map((_, turn) => ({ question, i, turn })));
}

interface PlacedQuestion extends ServerQuestion {
  row: number;
  place: number;
}

/** Asks all prompts, which stand in rows, and returns the texts of the replies at their places. */
async function askAll(
  prompts: readonly (readonly string[])[],
  { asked, maxInvalid, onProgress, form, action }: JudgingOptions & { form: ReplyForm; action: string },
): Promise<{ replies: (string | null)[][]; notes: string[] }> {
  const open: PlacedQuestion[] = [];
  for (const [row, texts] of prompts.entries()) {
    for (const [place, text] of texts.entries()) {
      open.push({ row, place, text, key: await questionKey(text, asked.settings) });
    }
  }
  const count = new ReplyCount({ name: "llm", action, form, maxInvalid, total: open.length });
  const replies: (string | null)[][] = prompts.map((texts) => texts.map(() => null));
  let done = 0;
  await asked.ask(open, {
    action,
    onReply: ({ row, place }: PlacedQuestion, reply: Reply | null, why: string) => {
      const text = reply?.content ?? null;
      replies[row]![place] = text;
      done++;
      count.add(text, why);
    },
    onProgress: () => onProgress(done, open.length),
  });
  return { replies, notes: count.notes() };
}
