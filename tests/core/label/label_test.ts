import { deepEqual, equal } from "node:assert/strict";
import { humanJudge } from "../../../core/label/judge.ts";
import { labelPairs } from "../../../core/label/label.ts";
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
  const scores = [[5, 5], [1, 1], [0, 1], [0, 9]].map(([human, generated]) => ({
    human: human!,
    generated: generated!,
  }));
  const { pairs, report } = labelPairs(rows, { scores, margin: 0 });
  deepEqual(pairs.map(({ row, chosenFrom }) => [row, chosenFrom]), [[1, "human"], [2, "generated"]]);
  deepEqual(report, { rows: 4, pairs: 2, generatedChosen: 0.5, ties: 1, identical: 2 });
  const none = labelPairs([rows[0]!], { scores: [scores[0]!], margin: 0 }).report;
  deepEqual([none.pairs, none.generatedChosen], [0, 0]);
});

Deno.test("humanJudge prefers the human answer, without scores or ties", async () => {
  const rows = [responseRow(0), responseRow(1)];
  const scores = await humanJudge.score(rows, () => {});
  const { pairs, report } = labelPairs(rows, { scores, margin: 0 });
  equal(pairs.every(({ chosenFrom, scoreHuman }) => chosenFrom === "human" && scoreHuman === null), true);
  deepEqual([report.ties, report.generatedChosen], [0, 0]);
});
