import { deepEqual } from "node:assert/strict";
import { loadConfig } from "../../../core/config/config.ts";
import { bestIteration } from "../../../core/loop/best_iteration.ts";
import { tellEnd } from "../../../core/loop/end_notes.ts";
import type { Evaluation } from "../../../core/loop/evaluate_stage.ts";
import { nothingMeasured } from "../../../core/loop/measured.ts";

Deno.test("tellEnd() names the iterations that were evaluated without the number that tells the best", async () => {
  const config = await loadConfig(undefined, {
    defaults: {
      model: "m",
      data: { train: "rows.jsonl", eval: "held.jsonl" },
      labels: { verifier: "v.ts" },
      iterations: 3,
      training: { load_best_model_at_end: true, metric_for_best_model: "greedy_score" },
    },
  });
  const of = (scores: readonly (number | null)[]): string[] => {
    const evaluations = new Map(scores.map((score, k): [number, Evaluation] => [
      k,
      { rows: 1, loss: 1, greedy: 1, ...(score !== null && { greedy_score: score }) },
    ]));
    const measured = { ...nothingMeasured(), evaluations };
    const best = bestIteration(config, measured)!;
    const notes: string[] = [];
    const summary = { iterations: [], model: "m", best };
    tellEnd({ config, onNote: (line) => void notes.push(line) }, { summary, measured });
    return notes;
  };
  deepEqual(of([1, 2, 3]), []);
  deepEqual(of([null, 2, 3]), [
    "Warning: iteration 0 was evaluated before there was a score, greedy, and the best is one of the others: where its " +
    "evaluation.json is deleted, an iteration is evaluated again",
  ]);
});
