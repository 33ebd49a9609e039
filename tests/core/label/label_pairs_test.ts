import { deepEqual, equal } from "node:assert/strict";
import { humanJudge } from "../../../core/label/judge.ts";
import { differingRows, labelMetrics, labelPairs } from "../../../core/label/label_pairs.ts";
import { responseRow } from "./_rows.ts";

/** The sides that are chosen for these scores of the human and the generated answer. */
function chosen(scores: [number, number][], margin: number): string[] {
  const rows = scores.map((_, i) => responseRow(i));
  const given = scores.map(([human, generated]) => ({ human, generated }));
  return labelPairs(rows, { scores: given, margin }).pairs.map(({ chosenFrom }) => chosenFrom);
}

Deno.test("labelPairs() chooses the generated answer only where it scores higher by more than the margin", () => {
  deepEqual(chosen([[1, 2], [2, 1], [1, 1]], 0), ["generated", "human", "human"]);
  deepEqual(chosen([[1, 1.5], [1, 1.5 + 1e-9], [-2, -1]], 0.5), ["human", "generated", "generated"]);
});

Deno.test("labelPairs() puts texts, ids and scores on their sides", () => {
  const rows = [responseRow(4), responseRow(9)];
  const scores = [{ human: 0, generated: 3 }, { human: 3, generated: 0 }];
  const { pairs } = labelPairs(rows, { scores, margin: 0 });
  deepEqual(pairs[0], {
    row: 4,
    prompt: "prompt 4",
    promptIds: [1, 5],
    chosen: "generated",
    chosenIds: [7, 2],
    rejected: "human",
    rejectedIds: [6, 2],
    chosenFrom: "generated",
    scoreHuman: 0,
    scoreGenerated: 3,
  });
  const { row, chosen, rejectedIds, scoreHuman } = pairs[1]!;
  deepEqual([row, chosen, rejectedIds, scoreHuman], [9, "human", [7, 2], 3]);
});

Deno.test("labelPairs() drops and counts identical ids, and counts ties of the others", () => {
  const same = { generatedIds: [6, 2] };
  // The same text in other ids is another answer.
  const rows = [responseRow(0, same), responseRow(1, { generated: "human" }), responseRow(2), responseRow(3, same)];
  deepEqual(differingRows(rows).map(({ row }) => row), [1, 2]);
  const scores = [{ human: 1, generated: 1 }, { human: 0, generated: 1 }];
  const { pairs, report } = labelPairs(rows, { scores, margin: 0 });
  deepEqual(pairs.map(({ row, chosenFrom }) => [row, chosenFrom]), [[1, "human"], [2, "generated"]]);
  const { pairs: count, generatedChosen, ties, identical, judged } = report;
  deepEqual([report.rows, count, generatedChosen, ties, identical, judged], [4, 2, 0.5, 1, 2, 2]);
  const none = labelPairs([rows[0]!], { scores: [], margin: 0 }).report;
  deepEqual([none.pairs, none.generatedChosen, none.lengthChosen, none.scoreHuman], [0, 0, 0, null]);
});

Deno.test("labelPairs() measures what each side scores, and whether length sways the judge", () => {
  const lengths = [[1, 4], [2, 6], [3, 9], [5, 5]];
  const rows = lengths.map(([human, generated], row) =>
    responseRow(row, { responseIds: new Array(human).fill(6), generatedIds: new Array(generated).fill(7) })
  );
  // Generated wins, human wins, no verdict, generated scores higher by no more than the margin.
  const scores = [[1, 9], [8, 2], [null, null], [4, 4.5]].map(([human, generated]) => ({
    human: human!,
    generated: generated!,
  }));
  const { report } = labelPairs(rows, { scores, margin: 1 });
  deepEqual(labelMetrics({ ...report, judge: { "labels/invalid": 1 } }), {
    "labels/pairs": 4,
    "labels/generated_chosen": 0.25,
    "labels/ties": 0,
    "labels/identical": 0,
    "labels/length_chosen": (4 + 2 + 3 + 5) / 4,
    "labels/length_rejected": (1 + 6 + 9 + 5) / 4,
    "labels/length_winner": (4 + 2 + 5) / 3,
    "labels/length_loser": (1 + 6 + 5) / 3,
    "labels/score_human": 13 / 3,
    "labels/score_generated": 15.5 / 3,
    "labels/invalid": 1,
  });
  equal(report.orderDisagreements, null);
  const orders = [true, false, false, true].map((ordersDisagree) => ({ human: 0.5, generated: 0.5, ordersDisagree }));
  equal(labelPairs(rows, { scores: orders, margin: 0 }).report.orderDisagreements, 2);
});

Deno.test("humanJudge prefers the human answer, without scores or ties", async () => {
  const rows = [responseRow(0), responseRow(1)];
  const scores = await humanJudge.score(rows, () => {});
  const { pairs, report } = labelPairs(rows, { scores, margin: 0 });
  equal(pairs.every(({ chosenFrom, scoreHuman }) => chosenFrom === "human" && scoreHuman === null), true);
  deepEqual([report.ties, report.generatedChosen], [0, 0]);
});
