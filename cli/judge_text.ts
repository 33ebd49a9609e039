/** What tells how far a judge of a comparison can be trusted: rows without a score, orders, other judges, lengths. @module */
import { counted } from "../core/counted.ts";
import type { WrittenComparison } from "../core/evaluate/comparison_json.ts";
import { fixed, percent } from "../core/values.ts";

/** The lines; those of what is not known are left out. */
export function judgeLines(comparison: WrittenComparison): string[] {
  return [
    ...unjudgedLines(comparison),
    ...orderLines(comparison),
    ...agreementLines(comparison),
    ...lengthLines(comparison),
  ];
}

function unjudgedLines({ unjudged }: WrittenComparison): string[] {
  return unjudged === 0
    ? []
    : [`${counted(unjudged, "row")} without a score ${unjudged === 1 ? "is" : "are"} not counted`];
}

function orderLines({ orders_asked: asked, orders_disagree: changed }: WrittenComparison): string[] {
  if (asked === null || changed === null) return [];
  if (asked === 0) return ["No row has two answers of different text to be shown in both orders"];
  return [
    `Both orders have one verdict in ${percent(1 - changed / asked)} % of ${counted(asked, "row")}; ` +
    `${counted(changed, "verdict")} changed with the order of the answers, and ${changed === 1 ? "counts" : "count"} ` +
    "as ties",
  ];
}

function agreementLines({ metrics }: WrittenComparison): string[] {
  const [share, kappa] = [metrics["labels/agreement"], metrics["labels/kappa"]];
  if (share === undefined || kappa === undefined) return [];
  return [
    `Judges agree in ${percent(share)} % of the rows, Cohen's kappa ${fixed(kappa, 3)} (1: always, 0: by chance)`,
  ];
}

function lengthLines(
  { winner_tokens: winner, loser_tokens: loser, length_correlation: r }: WrittenComparison,
): string[] {
  if (winner === null || loser === null) return [];
  const correlation = r === null ? "" : `; correlation of length and winning ${fixed(r, 2)}`;
  return [`Winning answers have ${winner.toFixed(1)} tokens, losing ones ${loser.toFixed(1)}${correlation}`];
}
