/** Single functions of benchmarks against lm-eval's and Python's own. @module */
import { deepEqual, equal, ok } from "node:assert/strict";
import { pooledStderr, weightedMean } from "../../core/benchmark/aggregate_groups.ts";
import { aggregateScores } from "../../core/benchmark/aggregate_scores.ts";
import { BenchmarkTask } from "../../core/benchmark/benchmark_task.ts";
import { scoreChoices } from "../../core/benchmark/choice_metrics.ts";
import { findTasks } from "../../core/benchmark/find_tasks.ts";
import { PythonRandom } from "../../core/benchmark/python_random.ts";
import { DocumentScorer } from "../../core/benchmark/score_document.ts";
import { cleanHellaSwag } from "../../core/benchmark/tasks/hellaswag.ts";
import { capitalize } from "../../core/data/tokenizer/template/text_case.ts";
import { readEval } from "./_benchmark.ts";
import { sharedTest } from "./_shared.ts";

type Filtered = { filtered: string; exact_match: number };
interface Scoring {
  gsm8k: { response: string; answer: string; "strict-match": Filtered; "flexible-extract": Filtered }[];
  multiple_choice: { choices: string[]; gold: number; loglikelihoods: number[]; acc: number; acc_norm: number }[];
  mc2: { labels: number[]; loglikelihoods: number[]; acc: number }[];
  sampler: {
    seed: number;
    getrandbits32: number[];
    sample: { n: number; k: number; first: number[]; second: number[]; third: number[] }[];
  }[];
  stderr: {
    groups: number[][];
    means: number[];
    stderrs: number[];
    weighted: number;
    unweighted: number;
    pooled_stderr: number;
  }[];
  hellaswag_preprocess: { text: string; result: string }[];
  python_capitalize: { text: string; result: string }[];
}

const scoring = (): Promise<Scoring> => readEval<Scoring>("scoring.json");

sharedTest("PythonRandom draws what CPython draws", async () => {
  for (const { seed, getrandbits32, sample } of (await scoring()).sampler) {
    const random = new PythonRandom(seed);
    deepEqual(getrandbits32.map(() => random.getrandbits(32)), getrandbits32);
    for (const { n, k, first, second, third } of sample) {
      const random = new PythonRandom(seed);
      const pool = Array.from({ length: n }, (_, i) => i);
      for (const expected of [first, second, third]) deepEqual(random.sample(pool, k), expected, `${seed} ${n} ${k}`);
    }
  }
});

sharedTest("answers of GSM8K are found and compared as lm-eval does", async () => {
  const { gsm8k } = await scoring();
  ok(gsm8k.length > 100);
  for (const { response, answer, ...filters } of gsm8k) {
    const task = new BenchmarkTask(findTasks("gsm8k").tasks[0]!, { evaluated: [{ question: "?", answer }] }, {
      numFewShot: 0,
    });
    const [request] = [...task.requests()];
    for (const { filter, filtered, metrics } of new DocumentScorer(task).score(request!, response)) {
      const expected = filters[filter as keyof typeof filters];
      deepEqual({ filtered, ...metrics }, expected, `${filter}: ${response} / ${answer}`);
    }
  }
});

sharedTest("choices are scored as lm-eval does", async () => {
  const { multiple_choice, mc2 } = await scoring();
  for (const { choices, gold, loglikelihoods, acc, acc_norm } of multiple_choice) {
    const found = scoreChoices(choices, gold, loglikelihoods.map((logp) => ({ logp, isGreedy: false })));
    deepEqual([found.acc, found.acc_norm], [acc, acc_norm], choices.join());
  }
  for (const { labels, loglikelihoods, acc } of mc2) {
    const choices = labels.map(String);
    const row = { question: "?", mc1_targets: { choices, labels }, mc2_targets: { choices, labels } };
    const task = new BenchmarkTask(findTasks("truthfulqa_mc2").tasks[0]!, { evaluated: [row] });
    const [request] = [...task.requests()];
    const answers = loglikelihoods.map((logp) => ({ logp, isGreedy: false }));
    const found = new DocumentScorer(task).score(request!, answers)[0]!.metrics.acc as number;
    // JSON has no NaN; the last bits are those of another exp().
    ok(Number.isNaN(acc ?? NaN) ? Number.isNaN(found) : Math.abs(found - acc) <= 1e-12 * acc, `${found} ${acc}`);
  }
});

sharedTest("values are put together as lm-eval does", async () => {
  const metrics = [{ name: "acc", aggregation: "mean", higherIsBetter: true, settings: { metric: "acc" } }] as const;
  for (const { groups, means, stderrs, weighted, unweighted, pooled_stderr } of (await scoring()).stderr) {
    for (const [i, group] of groups.entries()) {
      const scores = group.map((acc) => [{ filter: "none", filtered: null, metrics: { acc } }]);
      const { values } = aggregateScores(metrics, scores);
      deepEqual(values, { "acc,none": means[i], "acc_stderr,none": stderrs[i] });
    }
    const sizes = groups.map(({ length }) => length);
    equal(weightedMean(means, sizes), weighted);
    equal(weightedMean(means, sizes.map(() => 1)), unweighted);
    equal(pooledStderr(stderrs, sizes), pooled_stderr);
  }
});

sharedTest("texts are cleaned as lm-eval does", async () => {
  const { hellaswag_preprocess, python_capitalize } = await scoring();
  for (const { text, result } of hellaswag_preprocess) equal(cleanHellaSwag(text), result);
  for (const { text, result } of python_capitalize) equal(capitalize(text), result);
});
