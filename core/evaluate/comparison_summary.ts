/** The result of a comparison of two models. @module */
import type { TokenizedExample } from "../data/tokenize_rows.ts";
import type { Scores } from "../label/judge.ts";
import { correlation } from "./correlation.ts";
import { type LengthControlled, lengthControlled, type LengthRow } from "./length_control.ts";
import { type Outcome, outcomeValue, type WinRate, winRate } from "./win_rate.ts";

/** An answer of one side. */
export interface ComparedAnswer {
  /** The answer as text, without EOS. */
  text: string;
  /** Its tokens, EOS included, by the model's own tokenizer. */
  tokens: number;
  /** Whether the model ended it. */
  finished: boolean;
  /** The judge's score; null if it gave none. */
  score: number | null;
}

/** A prompt with both answers. */
export interface ComparedRow {
  /** Index of the row in the file. */
  row: number;
  /** The prompt as the models got it, with the chat template where there is one. */
  prompt: string;
  /** Answer of the first model. */
  a: ComparedAnswer;
  /** Answer of the second model. */
  b: ComparedAnswer;
  /** The outcome for `b`; null if the judge gave no score. */
  outcome: Outcome | null;
}

/** Means of one side over all rows. */
export interface SideSummary {
  /** The model's folder. */
  model: string;
  /** Mean score; null if the judge gives none. */
  score: number | null;
  /** Mean tokens of an answer. */
  tokens: number;
  /** Mean characters of an answer. */
  characters: number;
  /** Answers that were cut. */
  truncated: number;
}

/** A comparison. */
export interface Comparison {
  /** Name of the judge that scored. */
  judge: string;
  /** Rows that both models answered, without those that were left out for their length or form. */
  rows: ComparedRow[];
  /** Wins, ties and losses of `b`. */
  result: WinRate;
  /**
   * The win rate of `b` if the answers were equally long, in characters, or in tokens without
   * text; null if no row was judged.
   */
  lengthControlled: LengthControlled | null;
  /** Means of the first model. */
  a: SideSummary;
  /** Means of the second model. */
  b: SideSummary;
  /** Rows without a score. */
  unjudged: number;
  /** Rows with a verdict of a judge that was asked in both orders; null if it is not asked so. */
  ordersAsked: number | null;
  /** Those of them on which it contradicted itself; null if it is not asked so. */
  ordersDisagree: number | null;
  /** Mean tokens of the answers that won their row; null if no row was won. */
  winnerTokens: number | null;
  /** Mean tokens of the answers that lost their row; null if no row was won. */
  loserTokens: number | null;
  /**
   * Pearson's correlation of B's lead in tokens with its outcome (win 1, tie ½, loss 0): above 0, longer answers win.
   * Null where either is the same in all rows.
   */
  lengthCorrelation: number | null;
  /** Other numbers that the judge counted. */
  metrics: Record<string, number>;
}

/** A prompt with a model's answer. */
export interface Answered {
  example: TokenizedExample;
  text: string;
  /** Token ids as sampled, with the chat template's tail. */
  ids: number[];
  tokens: number;
  finished: boolean;
}

/** Combines answers and scores (`human` is A's, `generated` is B's); `folders` are those of A and B. */
export function summarizeComparison(
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
  const isAsked = scores.some(({ ordersDisagree }) => ordersDisagree !== undefined);
  // A judge is not asked about two answers that are one text.
  const asked = scores.filter(({ ordersDisagree }, i) =>
    ordersDisagree !== undefined && pairs[i]!.a.text !== pairs[i]!.b.text
  );
  const judged = rows.flatMap(({ a, b, outcome }) => outcome === null ? [] : [{ lead: b.tokens - a.tokens, outcome }]);
  const decided = rows.filter(({ outcome }) => outcome === "win" || outcome === "loss");
  const tokensOf = (won: boolean): number | null =>
    mean(decided.map(({ a, b, outcome }) => ((outcome === "win") === won ? b : a).tokens));
  return {
    judge,
    rows,
    result: winRate(rows.flatMap(({ outcome }) => outcome ?? [])),
    lengthControlled: lengthControlled(lengthRows(rows)),
    a: sideOf(folders[0], rows.map(({ a }) => a)),
    b: sideOf(folders[1], rows.map(({ b }) => b)),
    unjudged: rows.filter(({ outcome }) => outcome === null).length,
    ordersAsked: isAsked ? asked.length : null,
    ordersDisagree: isAsked ? asked.filter(({ ordersDisagree }) => ordersDisagree).length : null,
    winnerTokens: tokensOf(true),
    loserTokens: tokensOf(false),
    lengthCorrelation: correlation(judged.map(({ lead }) => lead), judged.map(({ outcome }) => outcomeValue(outcome))),
    metrics,
  };
}

function outcomeOf({ a, b }: { a: number | null; b: number | null }, margin: number): Outcome | null {
  if (a === null || b === null) return null;
  if (b > a + margin) return "win";
  return a > b + margin ? "loss" : "tie";
}

/** What the length's control takes: the judged rows, with lengths in tokens where the models have no text. */
function lengthRows(rows: readonly ComparedRow[]): LengthRow[] {
  const hasText = rows.some(({ a, b }) => a.text !== "" || b.text !== "");
  const lengthOf = ({ text, tokens }: ComparedAnswer): number => hasText ? characters(text) : tokens;
  return rows.flatMap(({ a, b, outcome }) =>
    outcome === null ? [] : [{ preference: outcomeValue(outcome), difference: lengthOf(b) - lengthOf(a) }]
  );
}

function characters(text: string): number {
  return [...text].length;
}

function sideOf(model: string, answers: readonly ComparedAnswer[]): SideSummary {
  return {
    model,
    score: mean(answers.flatMap(({ score }) => score ?? [])),
    tokens: mean(answers.map(({ tokens }) => tokens))!,
    characters: mean(answers.map(({ text }) => characters(text)))!,
    truncated: answers.filter(({ finished }) => !finished).length,
  };
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length;
}
