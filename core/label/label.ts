/** Dynamic sample labeling: per prompt the better answer becomes the chosen one. @module */
import type { PairRow, ResponseRow } from "../data/files.ts";
import type { Scores } from "./judge.ts";

/** What labeling did. */
export interface LabelReport {
  rows: number;
  pairs: number;
  /** Share of the pairs whose chosen answer is the generated one. */
  generatedChosen: number;
  /** Pairs with equal scores; the human answer is chosen. */
  ties: number;
  /** Rows dropped because both answers are the same ids. */
  identical: number;
}

/**
 * Makes the pairs: the generated answer is chosen iff s_g > s_h + margin, else the human one (METHOD, step 2); rows whose
 * answers are the same ids are dropped and counted.
 */
export function labelPairs(
  rows: readonly ResponseRow[],
  { scores, margin }: { scores: readonly Scores[]; margin: number },
): { pairs: PairRow[]; report: LabelReport } {
  const pairs: PairRow[] = [];
  let [ties, identical, generatedChosen] = [0, 0, 0];
  rows.forEach((row, i) => {
    if (sameIds(row.responseIds, row.generatedIds)) {
      identical++;
      return;
    }
    const { human, generated } = scores[i]!;
    const judged = human !== null && generated !== null;
    const wins = judged && generated > human + margin;
    if (judged && generated === human) ties++;
    if (wins) generatedChosen++;
    const humanSide = { text: row.response, ids: row.responseIds };
    const generatedSide = { text: row.generated, ids: row.generatedIds };
    const [chosen, rejected] = wins ? [generatedSide, humanSide] : [humanSide, generatedSide];
    pairs.push({
      row: row.row,
      prompt: row.prompt,
      promptIds: row.promptIds,
      ...(row.messages && { messages: row.messages }),
      chosen: chosen.text,
      chosenIds: chosen.ids,
      rejected: rejected.text,
      rejectedIds: rejected.ids,
      chosenFrom: wins ? "generated" : "human",
      scoreHuman: human,
      scoreGenerated: generated,
    });
  });
  const share = pairs.length > 0 ? generatedChosen / pairs.length : 0;
  return { pairs, report: { rows: rows.length, pairs: pairs.length, generatedChosen: share, ties, identical } };
}

function sameIds(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i]);
}
