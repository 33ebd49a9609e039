/** Which iteration is the best, and when a run ends early: as transformers' Trainer and EarlyStoppingCallback have it. */
import { deepEqual, equal } from "node:assert/strict";
import { loadConfig, type ResolvedConfig } from "../../../core/config/config.ts";
import { bestIteration, betterStart, isPatienceOver } from "../../../core/loop/best_iteration.ts";
import type { BenchmarkRecord } from "../../../core/loop/kept_benchmarks.ts";
import type { Evaluation } from "../../../core/loop/evaluate_stage.ts";
import { type Measured, nothingMeasured } from "../../../core/loop/measured.ts";
import golden from "./goldens/best_iterations.json" with { type: "json" };

function configOf(training: Record<string, unknown>): Promise<ResolvedConfig> {
  const data = { train: "rows.jsonl", eval: "held.jsonl" };
  return loadConfig(undefined, { defaults: { model: "m", data, labels: { verifier: "v.ts" }, training } });
}

/** Evaluations of iterations from 0 on, and of the start where it is given. */
function losses(values: readonly (number | null)[], start?: number): Measured {
  const before = start === undefined ? [] : [[-1, { rows: 1, loss: start }] as const];
  return evaluated(new Map([...before, ...values.map((loss, k) => [k, { rows: 1, loss: loss ?? NaN }] as const)]));
}

function evaluated(evaluations: Map<number, Evaluation>): Measured {
  return { ...nothingMeasured(), evaluations };
}

Deno.test("bestIteration() and isPatienceOver() decide as transformers does", async () => {
  for (const { values, greater, patience, best, count } of golden) {
    const name = JSON.stringify({ values, greater, patience });
    const config = await configOf({
      load_best_model_at_end: true,
      greater_is_better: greater,
      early_stopping_patience: patience,
    });
    const counts = values.map((_, i) => i + 1);
    const ended = counts.find((n) => isPatienceOver(config, losses(values.slice(0, n)))) ?? values.length;
    equal(ended, count, name);
    equal(bestIteration(config, losses(values.slice(0, count)))?.iteration ?? null, best, name);
  }
});

Deno.test("bestIteration() takes the metric that is named, and its own direction where none is", async () => {
  const measured = evaluated(
    new Map([
      [0, { rows: 4, loss: 2, sampled: 0.5, greedy: 0.5 }],
      [1, { rows: 4, loss: 1, sampled: 0.25, greedy: 0.75 }],
      [2, { rows: 4, loss: 3, sampled: 0.5, greedy: 0.75 }],
    ]),
  );
  const best = async (training: Record<string, unknown>): Promise<unknown> =>
    bestIteration(await configOf({ load_best_model_at_end: true, ...training }), measured);
  deepEqual(await best({}), { iteration: 1, metric: "eval_loss", value: 1 });
  deepEqual(await best({ metric_for_best_model: "loss" }), { iteration: 1, metric: "eval_loss", value: 1 });
  deepEqual(await best({ metric_for_best_model: "sampled" }), { iteration: 0, metric: "sampled", value: 0.5 });
  deepEqual(await best({ metric_for_best_model: "eval_greedy" }), { iteration: 1, metric: "greedy", value: 0.75 });
  deepEqual(await best({ greater_is_better: true }), { iteration: 2, metric: "eval_loss", value: 3 });
  equal(await best({ load_best_model_at_end: false }), null);
});

Deno.test("bestIteration() counts neither the start nor what is not finite, and betterStart() tells of a better start", async () => {
  const config = await configOf({ load_best_model_at_end: true, early_stopping_patience: 1 });
  const measured = losses([Infinity, 2, 1.5], 1);
  deepEqual(bestIteration(config, measured), { iteration: 2, metric: "eval_loss", value: 1.5 });
  equal(bestIteration(config, losses([Infinity, NaN])), null);
  equal(betterStart(config, measured, bestIteration(config, measured)!), 1);
  for (const start of [1.5, 2, NaN, undefined]) {
    const found = losses([1.5], start);
    equal(betterStart(config, found, bestIteration(config, found)!), null, String(start));
  }
  // The start is no iteration that the next one would have to be better than.
  equal(isPatienceOver(config, losses([2], 1)), false);
  equal(isPatienceOver(config, losses([2, 2], 1)), true);
});

Deno.test("bestIteration() takes a benchmark's number, whose task says whether more is better", async () => {
  const record = (metrics: Record<`${string}/${string}`, number>): BenchmarkRecord => ({
    asked: "",
    task_hashes: {},
    metrics,
    higher_is_better: { "arc/acc": true, "text/perplexity": false },
  });
  const measured = nothingMeasured();
  const values = [[0.9, 1], [0.25, 8], [0.5, 4], [0.5, 2]];
  for (const [i, [acc, perplexity]] of values.entries()) {
    measured.benchmarks.set(i - 1, record({ "arc/acc": acc!, "text/perplexity": perplexity! }));
  }
  // What is no number is not in the record.
  measured.benchmarks.set(3, record({}));
  const best = async (training: Record<string, unknown>): Promise<unknown> => {
    const config = await loadConfig(undefined, {
      defaults: { model: "m", evaluate: { tasks: "arc" }, training: { load_best_model_at_end: true, ...training } },
    });
    return bestIteration(config, measured);
  };
  deepEqual(await best({ metric_for_best_model: "arc/acc" }), { iteration: 1, metric: "arc/acc", value: 0.5 });
  const text = { metric_for_best_model: "text/perplexity" };
  deepEqual(await best(text), { iteration: 2, metric: "text/perplexity", value: 2 });
  deepEqual(await best({ ...text, greater_is_better: true }), { iteration: 0, metric: "text/perplexity", value: 8 });
  const config = await loadConfig(undefined, {
    defaults: {
      model: "m",
      evaluate: { tasks: "arc" },
      training: { early_stopping_patience: 1, metric_for_best_model: "arc/acc" },
    },
  });
  equal(isPatienceOver(config, measured), true);
  measured.benchmarks.delete(3);
  measured.benchmarks.delete(2);
  equal(isPatienceOver(config, measured), false);
  measured.benchmarks.set(2, record({ "arc/acc": 0.75 }));
  equal(isPatienceOver(config, measured), false);
});
