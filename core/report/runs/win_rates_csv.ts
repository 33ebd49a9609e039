/** The win rates of a report's runs as CSV. @module */
import { csvText } from "../../files/csv_text.ts";
import type { MeasuredGroup } from "./group_measures.ts";
import { variantOf, type WinRatePoint } from "./win_rate_points.ts";

/** What a judge counts of itself, by its columns. */
const COUNTED = {
  agreement: "agreement",
  kappa: "kappa",
  requests: "requests",
  "prompt tokens": "prompt_tokens",
  "completion tokens": "completion_tokens",
  cost: "cost",
} as const;

/** A line for each iteration that was compared, as seen from the report's run; shares are from 0 to 1. */
export function winRatesCsv(points: readonly WinRatePoint[], groups: readonly MeasuredGroup[]): string {
  const rows = points.map((point) => {
    const { dir, opponent, against, result } = point;
    const { a, b, win_rate_interval: interval, length_controlled: atEqual, metrics } = result;
    return [
      variantOf(point, groups).name,
      dir,
      opponent.name,
      against,
      result.iteration,
      result.judge,
      result.rows,
      result.unjudged,
      result.wins,
      result.ties,
      result.losses,
      result.win_rate,
      result.win_rate_stderr,
      interval?.[0],
      interval?.[1],
      result.p_value,
      atEqual?.rate,
      atEqual?.stderr,
      b.mean_tokens,
      a.mean_tokens,
      result.winner_tokens,
      result.loser_tokens,
      result.length_correlation,
      result.orders_asked,
      result.orders_disagree,
      ...Object.values(COUNTED).map((name) => metrics[`labels/${name}`]),
    ];
  });
  return csvText([[...HEADS, ...Object.keys(COUNTED)], ...rows]);
}

const HEADS = [
  "variant",
  "run",
  "against",
  "opponent",
  "iteration",
  "judge",
  "rows",
  "unjudged",
  "wins",
  "ties",
  "losses",
  "win rate",
  "stderr",
  "low",
  "high",
  "p",
  "win rate at equal lengths",
  "stderr at equal lengths",
  "tokens",
  "opponent tokens",
  "winner tokens",
  "loser tokens",
  "length correlation",
  "orders asked",
  "orders disagree",
];
