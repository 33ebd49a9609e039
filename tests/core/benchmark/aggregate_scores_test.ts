import { deepEqual, equal, ok } from "node:assert/strict";
import { aggregateGroup } from "../../../core/benchmark/aggregate_groups.ts";
import { aggregateScores, type TaskScores } from "../../../core/benchmark/aggregate_scores.ts";
import { benchmarkResults } from "../../../core/benchmark/benchmark_results.ts";
import { findTasks, type FoundGroup } from "../../../core/benchmark/find_tasks.ts";
import type { Metric } from "../../../core/benchmark/metric_registry.ts";
import type { MetricValue } from "../../../core/benchmark/score_document.ts";
import goldens from "./goldens/python_calls.json" with { type: "json" };
import { openRows } from "./_tasks.ts";

function aggregate(
  aggregation: Metric["aggregation"],
  values: readonly MetricValue[],
  bootstrapIters?: number,
): TaskScores {
  const metric: Metric = { name: "m", aggregation, higherIsBetter: true, settings: { metric: "m" } };
  const scores = values.map((m) => [{ filter: "none", filtered: null, metrics: { m } }]);
  return aggregateScores([metric], scores, bootstrapIters === undefined ? {} : { bootstrapIters });
}

Deno.test("a mean has the standard error of a sample, one document none", () => {
  deepEqual(aggregate("mean", [1, 0, 0, 1]), {
    values: { "m,none": 0.5, "m_stderr,none": Math.sqrt(1 / 3) / 2 },
    count: 4,
  });
  deepEqual(aggregate("mean", [1]), { values: { "m,none": 1, "m_stderr,none": "N/A" }, count: 1 });
});

Deno.test("perplexities are of all documents together", () => {
  const items: [number, number][] = [[-10, 4], [-20, 6]];
  deepEqual(aggregate("weighted_perplexity", items).values, { "m,none": Math.exp(3), "m_stderr,none": "N/A" });
  deepEqual(aggregate("bits_per_byte", items).values, { "m,none": 3 / Math.log(2), "m_stderr,none": "N/A" });
});

Deno.test("the error of a perplexity is lm-eval's bootstrap, draw by draw", () => {
  const { values, iterations, stderr } = goldens.bootstrap;
  const { values: found } = aggregate("perplexity", values, iterations);
  ok(Math.abs((found["m_stderr,none"] as number) - stderr) < 1e-12 * stderr);
  equal(aggregate("perplexity", values, 0).values["m_stderr,none"], "N/A");
});

Deno.test("median and nanmean", () => {
  equal(aggregate("median", [3, 1, 2, 10], 1000).values["m,none"], 3);
  equal(aggregate("nanmean", [3, NaN, 1], 1000).values["m,none"], 2);
});

const GROUP: FoundGroup = {
  name: "g",
  alias: "g",
  version: "1",
  children: ["a", "b"],
  leaves: ["a", "b"],
  metrics: [{ metric: "acc", weight_by_size: true }],
};

Deno.test("a group is the mean of its documents, with the pooled error, or of its tasks", () => {
  const tasks = new Map<string, TaskScores>([
    ["a", { count: 4, values: { "acc,none": 0.5, "acc_stderr,none": 0.2 } }],
    ["b", { count: 2, values: { "acc,none": 1, "acc_stderr,none": 0.1 } }],
  ]);
  const pooled = Math.sqrt((3 * 0.2 ** 2 * 4 + 1 * 0.1 ** 2 * 2) / 4 / 6);
  deepEqual(aggregateGroup(GROUP, tasks), {
    values: { "acc,none": 4 / 6, "acc_stderr,none": pooled },
    sampleCount: { "acc,none": 6 },
    count: 6,
  });
  const unweighted = { ...GROUP, metrics: [{ metric: "acc", weight_by_size: false }] };
  deepEqual(aggregateGroup(unweighted, tasks).values, {
    "acc,none": 0.75,
    "acc_stderr,none": Math.sqrt(0.2 ** 2 + 0.1 ** 2) / 2,
  });
  tasks.set("b", { count: 1, values: { "acc,none": 1, "acc_stderr,none": "N/A" } });
  equal(aggregateGroup(GROUP, tasks).values["acc_stderr,none"], "N/A");
});

Deno.test("results have lm-eval's schema, with the groups that tasks were named by", () => {
  const { tasks, groups } = findTasks("mmlu");
  const evaluated = tasks.map((config, i) => ({
    task: openRows(config, { family: "mmlu", numFewShot: 1 }),
    scores: { count: 2, values: { "acc,none": i % 2, "acc_stderr,none": 0 } },
  }));
  const results = benchmarkResults(evaluated, groups);
  deepEqual(Object.keys(results.groups!), [
    "mmlu_stem",
    "mmlu_other",
    "mmlu_social_sciences",
    "mmlu_humanities",
    "mmlu",
  ]);
  deepEqual(results.results.mmlu_virology, {
    name: "mmlu_virology",
    alias: "virology",
    sample_len: 2,
    "acc,none": 1,
    "acc_stderr,none": 0,
  });
  deepEqual(results.group_subtasks.mmlu, ["mmlu_stem", "mmlu_other", "mmlu_social_sciences", "mmlu_humanities"]);
  equal((results.groups!.mmlu as { sample_len: number }).sample_len, 114);
  equal(results["n-shot"].mmlu_stem, 1);
  deepEqual(results.higher_is_better.mmlu_stem, { acc: true });
  // lm-eval reads the groups from the outermost inwards, so this one finds no members that have numbers yet.
  equal(results["n-shot"].mmlu, undefined);
  equal(JSON.stringify(results.versions.mmlu_virology), "1.0");
  equal(results.versions.mmlu, "2");
  deepEqual(results["n-samples"].mmlu_virology, { original: 1, effective: 2 });
});
