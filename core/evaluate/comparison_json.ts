/** A comparison as JSON, its rows as JSON lines. @module */
import type { ComparedRow, Comparison, SideSummary } from "./comparison_summary.ts";
import type { LengthControlled } from "./length_control.ts";

/** Means of one side, as they are written. */
export interface WrittenSide {
  model: string;
  mean_score: number | null;
  mean_tokens: number;
  mean_characters: number;
  truncated: number;
}

/** A comparison as it is written, without rows; shares are in [0, 1]. */
export interface WrittenComparison {
  judge: string;
  rows: number;
  unjudged: number;
  /** Wins, ties and losses of B. */
  wins: number;
  ties: number;
  losses: number;
  /** With ties as halves; null without a row that was judged. */
  win_rate: number | null;
  win_rate_stderr: number | null;
  win_rate_interval: [low: number, high: number] | null;
  p_value: number;
  length_controlled: LengthControlled | null;
  a: WrittenSide;
  b: WrittenSide;
  winner_tokens: number | null;
  loser_tokens: number | null;
  length_correlation: number | null;
  orders_asked: number | null;
  orders_disagree: number | null;
  metrics: Readonly<Record<string, number>>;
}

/** The summary for programs. */
export function comparisonJson({ judge, result, unjudged, rows, ...rest }: Comparison): WrittenComparison {
  const { wins, ties, losses, rate, stderr, interval, pValue } = result;
  return {
    judge,
    rows: rows.length,
    unjudged,
    wins,
    ties,
    losses,
    win_rate: rate,
    win_rate_stderr: stderr,
    win_rate_interval: interval === null ? null : [interval.low, interval.high],
    p_value: pValue,
    length_controlled: rest.lengthControlled,
    a: sideJson(rest.a),
    b: sideJson(rest.b),
    winner_tokens: rest.winnerTokens,
    loser_tokens: rest.loserTokens,
    length_correlation: rest.lengthCorrelation,
    orders_asked: rest.ordersAsked,
    orders_disagree: rest.ordersDisagree,
    metrics: rest.metrics,
  };
}

function sideJson({ model, score, tokens, characters, truncated }: SideSummary): WrittenSide {
  return { model, mean_score: score, mean_tokens: tokens, mean_characters: characters, truncated };
}

/** One line of the rows' file, with its newline; `outcome` is B's. */
export function encodeComparedRow({ row, prompt, a, b, outcome }: ComparedRow): string {
  return JSON.stringify({
    row,
    prompt,
    response_a: a.text,
    response_b: b.text,
    score_a: a.score,
    score_b: b.score,
    tokens_a: a.tokens,
    tokens_b: b.tokens,
    finished_a: a.finished,
    finished_b: b.finished,
    outcome,
  }) + "\n";
}
