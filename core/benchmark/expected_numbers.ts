/** Which numbers an evaluation will have, before a model is asked. @module */
import { benchmarkNumbers, isStderrName, type NumberName } from "./benchmark_numbers.ts";
import type { BenchmarkTask } from "./benchmark_task.ts";
import type { FoundGroup } from "./find_tasks.ts";
import { filtersOf } from "./task_config.ts";

/** The names of the numbers that tasks and the groups which they were named by will have, without errors. */
export function expectedNumbers(
  { tasks, groups }: { tasks: readonly BenchmarkTask[]; groups: readonly FoundGroup[] },
): NumberName[] {
  const results: Record<string, Record<string, number>> = {};
  const of = (name: string): Record<string, number> => results[name] ??= {};
  for (const { config, metrics } of tasks) {
    for (const { name: filter } of filtersOf(config)) {
      for (const { name } of metrics) of(config.task)[`${name},${filter}`] = 0;
    }
  }
  const ofTasks = structuredClone(results);
  for (const { name, leaves, metrics } of groups) {
    for (const { metric } of metrics) {
      for (const key of leaves.flatMap((leaf) => Object.keys(ofTasks[leaf] ?? {}))) {
        if (key.split(",")[0] === metric) of(name)[key] = 0;
      }
    }
  }
  const children = Object.fromEntries(groups.map(({ name, children }) => [name, children]));
  const { metrics } = benchmarkNumbers({ results, group_subtasks: children });
  return (Object.keys(metrics) as NumberName[]).filter((name) => !isStderrName(name));
}
