/** Dynamic sample labeling: for each prompt, the better answer becomes the chosen one. @module */
import type { PairRow, ResponseRow } from "../data/stage_files.ts";
import { sameIds } from "../values.ts";
import type { Scores } from "./judge.ts";

/** The numbers of a labeling. */
export interface LabelReport {
  /** Rows with both answers. */
  rows: number;
  /** Pairs made of them. */
  pairs: number;
  /** Share of the pairs whose chosen answer is the generated one. */
  generatedChosen: number;
  /** Pairs with equal scores; the human answer is chosen. */
  ties: number;
  /** Rows dropped because both answers have the same ids. */
  identical: number;
  /** Pairs that the judge scored. */
  judged: number;
  /** Pairs on which the judge, asked in both orders, gave different verdicts; null if it was not asked so. */
  orderDisagreements: number | null;
  /** Mean score of the human answers of the pairs that were scored; null if none was. */
  scoreHuman: number | null;
  /** Mean score of the generated answers of those pairs; null if none was. */
  scoreGenerated: number | null;
  /** Mean tokens, including EOS, of the chosen answers; 0 if there is no pair. */
  lengthChosen: number;
  /** Mean tokens, including EOS, of the rejected answers; 0 if there is no pair. */
  lengthRejected: number;
  /** Mean tokens of the answer that the judge scores higher; null if it never scores one higher. */
  lengthWinner: number | null;
  /** Mean tokens of the answer that it scores lower; null if it never scores one higher. */
  lengthLoser: number | null;
  /** What the judge itself counted, by the names of metrics.jsonl. */
  judge: Readonly<Record<string, number>>;
}

/** The rows whose two answers have different ids; in the others there is nothing to judge. */
export function differingRows(rows: readonly ResponseRow[]): ResponseRow[] {
  return rows.filter(({ responseIds, generatedIds }) => !sameIds(responseIds, generatedIds));
}

/**
 * Makes a pair of each differing row: the generated answer is chosen if and only if s_g > s_h + margin, else the human
 * one (docs/method.md, "One iteration"). `scores` has an entry for each differing row; other rows are dropped and
 * counted.
 */
export function labelPairs(
  all: readonly ResponseRow[],
  { scores, margin }: { scores: readonly Scores[]; margin: number },
): { pairs: PairRow[]; report: LabelReport } {
  const rows = differingRows(all);
  const pairs = rows.map((row, i) => makePair(row, scores[i]!, margin));
  const judged = pairs.filter((pair) => pair.scoreHuman !== null && pair.scoreGenerated !== null);
  const decided = rows.flatMap((row, i) => {
    const { human, generated } = scores[i]!;
    if (human === null || generated === null || human === generated) return [];
    const [winner, loser] = generated > human
      ? [row.generatedIds, row.responseIds]
      : [row.responseIds, row.generatedIds];
    return [{ winner: winner.length, loser: loser.length }];
  });
  const generatedChosen = pairs.filter(({ chosenFrom }) => chosenFrom === "generated").length;
  const asked = scores.some(({ ordersDisagree }) => ordersDisagree !== undefined);
  return {
    pairs,
    report: {
      rows: all.length,
      pairs: pairs.length,
      generatedChosen: pairs.length > 0 ? generatedChosen / pairs.length : 0,
      ties: judged.filter(({ scoreHuman, scoreGenerated }) => scoreHuman === scoreGenerated).length,
      identical: all.length - rows.length,
      judged: judged.length,
      orderDisagreements: asked ? scores.filter(({ ordersDisagree }) => ordersDisagree).length : null,
      scoreHuman: mean(judged, ({ scoreHuman }) => scoreHuman!),
      scoreGenerated: mean(judged, ({ scoreGenerated }) => scoreGenerated!),
      lengthChosen: mean(pairs, ({ chosenIds }) => chosenIds.length) ?? 0,
      lengthRejected: mean(pairs, ({ rejectedIds }) => rejectedIds.length) ?? 0,
      lengthWinner: mean(decided, ({ winner }) => winner),
      lengthLoser: mean(decided, ({ loser }) => loser),
      judge: {},
    },
  };
}

function makePair(row: ResponseRow, { human, generated }: Scores, margin: number): PairRow {
  const wins = human !== null && generated !== null && generated > human + margin;
  const humanSide = { text: row.response, ids: row.responseIds };
  const generatedSide = { text: row.generated, ids: row.generatedIds };
  const [chosen, rejected] = wins ? [generatedSide, humanSide] : [humanSide, generatedSide];
  return {
    row: row.row,
    prompt: row.prompt,
    promptIds: row.promptIds,
    ...(row.messages && { messages: row.messages }),
    ...(row.variables && { variables: row.variables }),
    chosen: chosen.text,
    chosenIds: chosen.ids,
    rejected: rejected.text,
    rejectedIds: rejected.ids,
    chosenFrom: wins ? "generated" : "human",
    scoreHuman: human,
    scoreGenerated: generated,
  };
}

/** The numbers of a report by their names in metrics.jsonl, in its order. */
export function labelMetrics(report: LabelReport): Record<string, number> {
  const { orderDisagreements, scoreHuman, scoreGenerated, lengthWinner, lengthLoser } = report;
  return {
    "labels/pairs": report.pairs,
    "labels/generated_chosen": report.generatedChosen,
    "labels/ties": report.ties,
    "labels/identical": report.identical,
    "labels/length_chosen": report.lengthChosen,
    "labels/length_rejected": report.lengthRejected,
    ...(lengthWinner !== null && { "labels/length_winner": lengthWinner }),
    ...(lengthLoser !== null && { "labels/length_loser": lengthLoser }),
    ...(scoreHuman !== null && { "labels/score_human": scoreHuman }),
    ...(scoreGenerated !== null && { "labels/score_generated": scoreGenerated }),
    ...(orderDisagreements !== null && { "labels/order_disagreements": orderDisagreements }),
    ...report.judge,
  };
}

/** The report behind numbers that were logged; what was not is null, and a count is 0. */
export function reportOfMetrics(
  metrics: Readonly<Record<string, number>>,
  { pairs, judged }: Pick<LabelReport, "pairs" | "judged">,
): LabelReport {
  const of = (name: string): number | null => metrics[`labels/${name}`] ?? null;
  const identical = of("identical") ?? 0;
  const report: LabelReport = {
    rows: pairs + identical,
    pairs,
    generatedChosen: of("generated_chosen") ?? 0,
    ties: of("ties") ?? 0,
    identical,
    judged,
    orderDisagreements: of("order_disagreements"),
    scoreHuman: of("score_human"),
    scoreGenerated: of("score_generated"),
    lengthChosen: of("length_chosen") ?? 0,
    lengthRejected: of("length_rejected") ?? 0,
    lengthWinner: of("length_winner"),
    lengthLoser: of("length_loser"),
    judge: {},
  };
  const own = labelMetrics(report);
  return {
    ...report,
    judge: Object.fromEntries(Object.entries(metrics).filter(([name]) => !Object.hasOwn(own, name))),
  };
}

function mean<T>(items: readonly T[], value: (item: T) => number): number | null {
  return items.length === 0 ? null : items.reduce((sum, item) => sum + value(item), 0) / items.length;
}
