/** Puts the values of documents together, as lm-eval does (0.4.13, `evaluator_utils.py`, `api/metrics.py`). @module */
import { type Aggregation, type Metric, OF_INSTRUCTIONS } from "./metric_registry.ts";
import { PythonRandom } from "./python_random.ts";
import type { DocumentScore, MetricValue } from "./score_document.ts";

/** A task's results: `acc,none` and so on with their values, `acc_stderr,none` with their errors, or "N/A". */
export interface TaskScores {
  readonly values: Readonly<Record<string, number | "N/A">>;
  /** The number of documents. */
  readonly count: number;
}

/** lm-eval's number of samples of a bootstrap, and how many of them one seed draws. */
const BOOTSTRAP = 100_000;
const CHUNK = 1000;

/** Aggregates the scores of a task's documents, each with one score for every filter. */
export function aggregateScores(
  metrics: readonly Metric[],
  scores: readonly (readonly DocumentScore[])[],
  { bootstrapIters = BOOTSTRAP }: { bootstrapIters?: number } = {},
): TaskScores {
  const values: Record<string, number | "N/A"> = {};
  const filters = scores[0]?.map(({ filter }) => filter) ?? [];
  let count = 0;
  for (const [i, filter] of filters.entries()) {
    const names = [...new Set(scores.flatMap((each) => Object.keys(each[i]!.metrics)))];
    for (const name of names) {
      const items = scores.flatMap((each) => each[i]!.metrics[name] === undefined ? [] : [each[i]!.metrics[name]!]);
      const aggregation = metrics.find((metric) => metric.name === name)?.aggregation ?? "mean";
      count = Math.max(count, items.length);
      values[`${name},${filter}`] = aggregate(aggregation, items);
      values[`${name}_stderr,${filter}`] = items.length > 1 && bootstrapIters > 0
        ? stderrOf(aggregation, items, bootstrapIters)
        : "N/A";
    }
  }
  return { values, count };
}

function aggregate(aggregation: Aggregation, items: readonly MetricValue[]): number {
  const plain = items.map(Number);
  switch (aggregation) {
    case "mean":
      return meanOf(plain);
    case "median":
      return median(plain);
    case "nanmean":
      return nanMean(plain);
    case "perplexity":
      return Math.exp(-meanOf(plain));
    case "weighted_perplexity":
      return Math.exp(-weightedMean(items));
    case "bits_per_byte":
      return -weightedMean(items) / Math.log(2);
    case OF_INSTRUCTIONS:
      return meanOf((items as readonly (readonly boolean[])[]).flat().map(Number));
  }
}

/** The standard error; "N/A" where lm-eval has none. */
function stderrOf(aggregation: Aggregation, items: readonly MetricValue[], iterations: number): number | "N/A" {
  const values = items.map(Number);
  if (aggregation === "mean") return sampleDeviation(values) / Math.sqrt(values.length);
  if (!["median", "nanmean", "perplexity"].includes(aggregation)) return "N/A";
  const chunk = Math.min(CHUNK, iterations);
  const drawn: number[] = [];
  for (let seed = 0; seed < Math.floor(iterations / chunk); seed++) {
    const random = new PythonRandom(seed);
    for (let i = 0; i < chunk; i++) drawn.push(aggregate(aggregation, random.choices(values, values.length)));
  }
  return sampleDeviation(drawn);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function nanMean(values: readonly number[]): number {
  return meanOf(values.filter((value) => !Number.isNaN(value)));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function weightedMean(items: readonly MetricValue[]): number {
  const pairs = items as readonly (readonly [number, number])[];
  return pairs.reduce((sum, [value]) => sum + value, 0) / pairs.reduce((sum, [, weight]) => sum + weight, 0);
}

function sampleDeviation(values: readonly number[]): number {
  const mean = meanOf(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}
