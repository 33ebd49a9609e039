/** What a comparison of two models comes to. @module */
import type { TokenizedExample } from "../data/tokenize_rows.ts";
import type { Scores } from "../label/judge.ts";
import { type Outcome, type WinRate, winRate } from "./win_rate.ts";

/** An answer of one side. */
export interface ComparedAnswer {
  text: string;
  /** Its tokens, EOS included, by the model's own tokenizer. */
  tokens: number;
  /** Whether the model ended it. */
  finished: boolean;
  /** The judge's; null where it gave none. */
  score: number | null;
}

/** A prompt with both answers. */
export interface ComparedRow {
  /** Index of the row in the file. */
  row: number;
  prompt: string;
  a: ComparedAnswer;
  b: ComparedAnswer;
  /** For `b`; null where the judge gave no score. */
  outcome: Outcome | null;
}

/** Means of one side over all rows. */
export interface SideSummary {
  /** The model's folder. */
  model: string;
  /** Mean score; null where the judge gives none. */
  score: number | null;
  /** Mean tokens and characters of an answer. */
  tokens: number;
  characters: number;
  /** Answers that were cut. */
  truncated: number;
}

/** A comparison. */
export interface Comparison {
  judge: string;
  /** Rows that were answered by both; those left out for their length or form are not among them. */
  rows: ComparedRow[];
  /** Wins, ties and losses of `b`. */
  result: WinRate;
  a: SideSummary;
  b: SideSummary;
  /** Rows without a score. */
  unjudged: number;
  /** Rows on which a judge that is asked in both orders did not say the same; null where it is not. */
  ordersDisagree: number | null;
  /** Mean tokens of the winning answers and of the losing ones; null where none won. */
  winnerTokens: number | null;
  loserTokens: number | null;
  /** What the judge has counted besides. */
  metrics: Record<string, number>;
}

/** A prompt and what a model made of it. */
export interface Answered {
  example: TokenizedExample;
  text: string;
  /** As sampled, with the chat template's tail. */
  ids: number[];
  tokens: number;
  finished: boolean;
}

/** Puts answers and scores (`human` is A's, `generated` B's) together; `folders` are those of both models. */
export function summarize(
  pairs: readonly { a: Answered; b: Answered }[],
  { scores, margin, judge, metrics, folders }: {
    scores: readonly Scores[];
    margin: number;
    judge: string;
    metrics: Record<string, number>;
    folders: [string, string];
  },
): Comparison {
  const rows = pairs.map(({ a, b }, i): ComparedRow => {
    const { human, generated } = scores[i]!;
    const answer = ({ text, tokens, finished }: Answered, score: number | null): ComparedAnswer => ({
      text,
      tokens,
      finished,
      score,
    });
    const { row, prompt } = a.example;
    const outcome = outcomeOf({ a: human, b: generated }, margin);
    return { row, prompt, a: answer(a, human), b: answer(b, generated), outcome };
  });
  const asked = scores.filter(({ ordersDisagree }) => ordersDisagree !== undefined);
  const decided = rows.filter(({ outcome }) => outcome === "win" || outcome === "loss");
  const tokensOf = (won: boolean): number | null =>
    mean(decided.map(({ a, b, outcome }) => ((outcome === "win") === won ? b : a).tokens));
  return {
    judge,
    rows,
    result: winRate(rows.flatMap(({ outcome }) => outcome ?? [])),
    a: sideOf(folders[0], rows.map(({ a }) => a)),
    b: sideOf(folders[1], rows.map(({ b }) => b)),
    unjudged: rows.filter(({ outcome }) => outcome === null).length,
    ordersDisagree: asked.length > 0 ? asked.filter(({ ordersDisagree }) => ordersDisagree).length : null,
    winnerTokens: tokensOf(true),
    loserTokens: tokensOf(false),
    metrics,
  };
}

function outcomeOf({ a, b }: { a: number | null; b: number | null }, margin: number): Outcome | null {
  if (a === null || b === null) return null;
  if (b > a + margin) return "win";
  return a > b + margin ? "loss" : "tie";
}

function sideOf(model: string, answers: readonly ComparedAnswer[]): SideSummary {
  return {
    model,
    score: mean(answers.flatMap(({ score }) => score ?? [])),
    tokens: mean(answers.map(({ tokens }) => tokens))!,
    characters: mean(answers.map(({ text }) => [...text].length))!,
    truncated: answers.filter(({ finished }) => !finished).length,
  };
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length;
}
