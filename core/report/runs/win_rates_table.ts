/** The table of wins, ties and losses by iteration. @module */
import { percent } from "../../values.ts";
import { number, PLUS_MINUS } from "../format_numbers.ts";
import { columnName } from "../iteration_curves.ts";
import { escapeMarkup } from "../markup.ts";
import type { MeasuredGroup } from "./group_measures.ts";
import { NOTHING, table } from "./variant_tables.ts";
import { variantOf, type WinRatePoint } from "./win_rate_points.ts";

const HEADS = [
  "",
  "iteration",
  "wins",
  "ties",
  "losses",
  "win rate",
  "95 %",
  "tokens",
  "the other's",
  "orders agree",
];

/** Every iteration of each run that was compared; empty without any. */
export function winRatesTable(points: readonly WinRatePoint[], groups: readonly MeasuredGroup[]): string {
  if (points.length === 0) return "";
  const rows = points.map((point) => {
    const { win_rate: rate, win_rate_stderr: stderr, win_rate_interval: interval, ...result } = point.result;
    const { orders_asked: asked, orders_disagree: changed } = result;
    const seed = groups.flatMap(({ runs }) => runs).find(({ dir }) => dir === point.dir)!.seed;
    const { name, runs } = variantOf(point, groups);
    const which = runs.length > 1 && seed !== null ? `${name}, seed ${seed}` : name;
    return [
      `${escapeMarkup(which)} against ${escapeMarkup(point.opponent.name)}`,
      columnName(result.iteration).replace("iteration ", ""),
      String(result.wins),
      String(result.ties),
      String(result.losses),
      rate === null
        ? NOTHING
        : `${number(rate, true)}<span class="soft">${stderr === null ? "" : ` ± ${percent(stderr)}`}</span>`,
      interval === null ? NOTHING : interval.map((end) => percent(end)).join("–"),
      result.b.mean_tokens.toFixed(1),
      result.a.mean_tokens.toFixed(1),
      asked === null || asked === 0 || changed === null ? NOTHING : number(1 - changed / asked, true),
    ];
  });
  return `<h3>Wins, ties and losses</h3>${table({ label: "Wins, ties and losses", heads: HEADS, rows })}` +
    `<p class="small soft">Ties count as halves; ${PLUS_MINUS} over prompts, 95 % is Wilson's interval.</p>`;
}
