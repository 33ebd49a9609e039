/** Wins, ties and losses of one model against another, and how sure they are. @module */
import { meanOf } from "./seed_means.ts";

/** The outcome of a row for the second model. */
export type Outcome = "win" | "tie" | "loss";

/** An interval of shares. */
export interface Interval {
  /** Lower end, from 0 on. */
  low: number;
  /** Upper end, 1 at most. */
  high: number;
}

/** Counts and what follows from them. */
export interface WinRate {
  /** Rows that the second model won. */
  wins: number;
  /** Rows that neither won. */
  ties: number;
  /** Rows that the second model lost. */
  losses: number;
  /** (wins + ties / 2) / rows; null if there are no rows. */
  rate: number | null;
  /** Standard error of the rate over the rows, sd / sqrt(rows) of 1, ½ and 0; null for fewer than two rows. */
  stderr: number | null;
  /** Wilson's 95 % interval of the rate, which is a little wide because ties count as halves. */
  interval: Interval | null;
  /** Exact two-sided sign test of wins against losses, without ties: how probable so uneven a split is by chance. */
  pValue: number;
}

/** What an outcome counts in a win rate. */
export function outcomeValue(outcome: Outcome): number {
  return outcome === "win" ? 1 : outcome === "tie" ? 0.5 : 0;
}

/** Normal quantile of a two-sided 95 % interval. */
export const NORMAL_95 = 1.959963984540054;

/** Counts outcomes. */
export function winRate(outcomes: readonly Outcome[]): WinRate {
  const count = (kind: Outcome): number => outcomes.filter((outcome) => outcome === kind).length;
  const [wins, ties, losses] = [count("win"), count("tie"), count("loss")];
  const rows = outcomes.length;
  const rate = rows === 0 ? null : (wins + ties / 2) / rows;
  const stderr = rows === 0 ? null : meanOf(outcomes.map(outcomeValue)).stderr;
  const interval = rate === null ? null : wilson(rate, rows);
  return { wins, ties, losses, rate, stderr, interval, pValue: signTest(wins, losses) };
}

/** Wilson's 95 % interval of a share of `rows` (E. B. Wilson, 1927). */
export function wilson(share: number, rows: number): Interval {
  const z2 = NORMAL_95 * NORMAL_95 / rows;
  const center = (share + z2 / 2) / (1 + z2);
  const half = NORMAL_95 * Math.sqrt(share * (1 - share) / rows + z2 / (4 * rows)) / (1 + z2);
  return { low: Math.max(0, center - half), high: Math.min(1, center + half) };
}

/** The exact two-sided sign test: twice the smaller tail of a fair coin, 1 at most. */
export function signTest(wins: number, losses: number): number {
  const n = wins + losses;
  const fewer = Math.min(wins, losses);
  // Terms n over k, from the largest down, so that nothing overflows.
  let term = Math.exp(logChoose(n, fewer) - n * Math.LN2);
  let tail = 0;
  for (let k = fewer; k >= 0; k--) {
    tail += term;
    term *= k / (n - k + 1);
  }
  return Math.min(1, 2 * tail);
}

function logChoose(n: number, k: number): number {
  let sum = 0;
  for (let i = 1; i <= k; i++) sum += Math.log((n - k + i) / i);
  return sum;
}
