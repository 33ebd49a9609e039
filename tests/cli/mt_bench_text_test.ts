import { deepEqual, equal, match } from "node:assert/strict";
import { mtBenchLines } from "../../cli/mt_bench_text.ts";
import { type MtBench, mtResults, type MtSide } from "../../core/evaluate/mt_bench/mt_results.ts";
import { mtScores } from "../../core/evaluate/mt_bench/mt_scores.ts";

const side = (name: string): MtSide => ({
  name,
  answers: [
    [{ text: "a", tokens: 3, finished: true }, { text: "b", tokens: 5, finished: false }],
    [{ text: "c", tokens: 4, finished: true }, { text: "", tokens: 0, finished: false }],
  ],
});

function benchOf(values: readonly (number | null)[], keys: Partial<MtBench> = {}): MtBench {
  const questions = ["math", "writing"].map((category, row) => ({
    id: row + 1,
    row,
    category,
    turns: ["x", "y"],
    references: [],
    temperature: 0,
  }));
  const judgments = values.map((value, i) => ({
    question: questions[Math.floor(i / 2)]!,
    turn: i % 2,
    value,
    replies: ["r"],
    hasReference: false,
    disagrees: value === 0.5,
  }));
  return {
    model: side("models/m\u001b[31m"),
    baseline: null,
    questions,
    file: null,
    judgments,
    scores: mtScores(judgments.map(({ question: { id, category }, turn, value }) => ({ id, category, turn, value }))),
    judge: { model: "j", url: "http://127.0.0.1/v1", temperature: 0 },
    usage: {
      ...{ requests: 4, cached: 1, prompt: 10, completion: 5, cost: null },
      now: { requests: 3, prompt: 8, completion: 4, cost: null },
    },
    generation: { max_new_tokens: 8, top_p: 1, top_k: 0, seed: 1, batch_size: 2, kv_cache_dtype: "float32" },
    digest: "d",
    ...keys,
  };
}

Deno.test("mtBenchLines() has the means, and says what they leave out", () => {
  const lines = mtBenchLines(benchOf([8, 4, 6, null]));
  match(lines[0]!, /: 2 questions of dnpo's own, judge j$/);
  const cells = (name: string): string[] =>
    lines.find((line) => line.startsWith(`│ ${name}`))!.split("│").map((cell) => cell.trim()).slice(1, -1);
  deepEqual(cells("category"), ["category", "turn 1", "turn 2", "both", "±"]);
  deepEqual(cells("math"), ["math", "8.00", "4.00", "6.00", "–"]);
  deepEqual(cells("writing"), ["writing", "6.00", "–", "6.00", "–"]);
  deepEqual(cells("all"), ["all", "7.00", "4.00", "6.00", "0.00"]);
  deepEqual(lines.slice(-6).map((line) => line.replace(/models\S+/, "M")), [
    "Mean rating: 6.00 ± 0.00 of 10 (3 ratings)",
    "1 rating could not be read, and is in no mean",
    "2 turns of math, reasoning and coding had no right answer for the judge",
    "1 answer of M reached the limit of tokens and ended there",
    "1 turn of M found no room in its context: the answer is empty",
    "MT-Bench's rules with other questions: not to be compared with its published scores",
  ]);
});

Deno.test("mtBenchLines() of a comparison has wins, ties and losses", () => {
  const bench = benchOf([1, 0.5, 0, null], { baseline: side("models/base"), file: "q.jsonl" });
  const lines = mtBenchLines(bench);
  match(lines[0]!, / against models\/base: 2 questions of q.jsonl, judge j$/);
  match(lines.join("\n"), /│ math +│ +1 │ +1 │ +0 │ +75\.0 │ +– │/);
  match(lines.join("\n"), /│ all +│ +1 │ +1 │ +1 │ +50\.0 │/);
  equal(lines.includes("1 turn had a verdict that could not be read, and is in no mean"), true);
  equal(lines.includes("1 verdict changed with the order of the answers, and counts as a tie"), true);
  equal(lines.some((line) => line.startsWith("MT-Bench's rules")), false);
  const results = mtResults(bench);
  deepEqual([results.mode, results.wins, results.ties, results.losses, results.orders_disagree, results.mean], [
    "pairwise",
    1,
    1,
    1,
    1,
    0.5,
  ]);
  deepEqual(results.answers, { tokens: 3, cut: 1, no_room: 1 });
});
