/** Puts the results of a group's tasks together, as lm-eval does (0.4.13, `api/group.py`, `api/metrics.py`). @module */
import type { TaskScores } from "./aggregate_scores.ts";
import type { FoundGroup } from "./find_tasks.ts";

/** A group's results: as a task's, and how many documents each value is made of. */
export interface GroupScores extends TaskScores {
  readonly sampleCount: Readonly<Record<string, number>>;
}

/** Aggregates a group over all of the tasks in it; one without metrics of its own has no values. */
export function aggregateGroup(group: FoundGroup, tasks: ReadonlyMap<string, TaskScores>): GroupScores {
  const members = group.leaves.flatMap((name) => tasks.get(name) ?? []);
  const values: Record<string, number | "N/A"> = {};
  const sampleCount: Record<string, number> = {};
  for (const { metric, weight_by_size: isWeighted } of group.metrics) {
    const filters = new Set(members.flatMap((member) => filtersOfMetric(member, metric)));
    for (const filter of [...filters].sort()) {
      const key = `${metric},${filter}`;
      const having = members.filter((member) => typeof member.values[key] === "number");
      const sizes = having.map(({ count }) => count);
      const parts = having.map((member) => member.values[key] as number);
      const errors = having.map((member) => member.values[`${metric}_stderr,${filter}`] ?? "N/A");
      values[key] = isWeighted ? weightedMean(parts, sizes) : weightedMean(parts, sizes.map(() => 1));
      const numbers = errors.filter((error) => error !== "N/A");
      values[`${metric}_stderr,${filter}`] = numbers.length < parts.length
        ? "N/A"
        : isWeighted
        ? pooledStderr(numbers, sizes)
        : Math.sqrt(numbers.reduce((sum, error) => sum + error ** 2, 0)) / numbers.length;
      sampleCount[key] = sizes.reduce((sum, size) => sum + size, 0);
    }
  }
  return { values, sampleCount, count: members.reduce((sum, { count }) => sum + count, 0) };
}

function filtersOfMetric({ values }: TaskScores, metric: string): string[] {
  return Object.keys(values).filter((key) => key.startsWith(`${metric},`)).map((key) => key.slice(metric.length + 1));
}

/** The mean of all documents, from the tasks' means. */
export function weightedMean(means: readonly number[], sizes: readonly number[]): number {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  return means.reduce((sum, mean, i) => sum + mean * sizes[i]!, 0) / total;
}

/** The error of that mean, from the tasks' errors, as of one sample with the pooled variance. */
export function pooledStderr(errors: readonly number[], sizes: readonly number[]): number {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const sum = errors.reduce((sum, error, i) => sum + (sizes[i]! - 1) * error ** 2 * sizes[i]!, 0);
  return Math.sqrt(sum / (total - sizes.length) / total);
}
