/** The results of an evaluation in lm-eval's schema (0.4.13, `evaluator_utils.py`). @module */
import type { JsonObject, JsonValue } from "../data/formats/json_numbers.ts";
import { aggregateGroup } from "./aggregate_groups.ts";
import type { TaskScores } from "./aggregate_scores.ts";
import type { BenchmarkTask } from "./benchmark_task.ts";
import type { FoundGroup } from "./find_tasks.ts";
import { taskConfigJson } from "./task_config_json.ts";
import { versionOf } from "./task_config.ts";

/** A task that was evaluated. */
export interface EvaluatedTask {
  readonly task: BenchmarkTask;
  readonly scores: TaskScores;
}

/** The part of lm-eval's results that tasks and scores give. */
export interface BenchmarkResults {
  readonly results: JsonObject;
  /** Absent where no group has a value. */
  readonly groups?: JsonObject;
  readonly group_subtasks: JsonObject;
  readonly configs: JsonObject;
  readonly versions: JsonObject;
  readonly "n-shot": JsonObject;
  readonly higher_is_better: JsonObject;
  readonly "n-samples": JsonObject;
}

/** The results of tasks and of the groups that they were named by. */
export function benchmarkResults(tasks: readonly EvaluatedTask[], groups: readonly FoundGroup[]): BenchmarkResults {
  const scores = new Map(tasks.map(({ task, scores }) => [task.config.task, scores]));
  const groupResults = bottomUp(groups).map((group) => [group, groupResult(group, scores)] as const);
  const ofTasks = (value: (each: EvaluatedTask) => JsonValue): [string, JsonValue][] =>
    tasks.map((each) => [each.task.config.task, value(each)]);
  const shots = new Map(ofTasks(({ task }) => task.numFewShot));
  const better = new Map(
    ofTasks(({ task }) => Object.fromEntries(task.metrics.map(({ name, higherIsBetter }) => [name, higherIsBetter]))),
  );
  for (const { name, children } of groups) {
    const values = new Set(children.flatMap((child) => shots.get(child) ?? []));
    if (values.size === 1) shots.set(name, [...values][0]!);
    const joined = joinDirections(children.flatMap((child) => better.get(child) ?? []) as JsonObject[]);
    if (Object.keys(joined).length > 0) better.set(name, joined);
  }
  const withValues = groupResults.filter(([{ metrics }]) => metrics.length > 0);
  return {
    results: {
      ...Object.fromEntries(ofTasks(taskResult)),
      ...Object.fromEntries(groupResults.map(([{ name }, result]) => [name, result])),
    },
    ...(withValues.length > 0 && {
      groups: Object.fromEntries(withValues.map(([{ name }, result]) => [name, result])),
    }),
    group_subtasks: Object.fromEntries(groups.map(({ name, children }) => [name, [...children]])),
    configs: sorted(ofTasks(({ task }) => taskConfigJson(task.config))),
    versions: sorted([
      ...ofTasks(({ task }) => versionOf(task.config)),
      ...groups.map(({ name, version }): [string, JsonValue] => [name, version]),
    ]),
    "n-shot": sorted([...shots]),
    higher_is_better: sorted([...better]),
    "n-samples": Object.fromEntries(
      ofTasks(({ task, scores }) => ({ original: task.docs.length, effective: scores.count })),
    ),
  };
}

function taskResult({ task: { config }, scores }: EvaluatedTask): JsonObject {
  const alias = config.task_alias ?? config.task;
  return { name: config.task, alias, sample_len: scores.count, ...scores.values };
}

function groupResult(group: FoundGroup, scores: ReadonlyMap<string, TaskScores>): JsonObject {
  const { name, alias, metrics } = group;
  if (metrics.length === 0) return { alias, name };
  const { values, count, sampleCount } = aggregateGroup(group, scores);
  return { alias, name, sample_len: count, ...values, sample_count: { ...sampleCount } };
}

/** Groups with those in them first. */
function bottomUp(groups: readonly FoundGroup[]): FoundGroup[] {
  const ordered = new Set<FoundGroup>();
  const visit = (group: FoundGroup): void => {
    for (const child of group.children) {
      const inner = groups.find(({ name }) => name === child);
      if (inner !== undefined) visit(inner);
    }
    ordered.add(group);
  };
  groups.forEach(visit);
  return [...ordered];
}

/** Whether more is better, by metric; null where tasks disagree. */
function joinDirections(parts: readonly JsonObject[]): JsonObject {
  const joined: Record<string, JsonValue> = {};
  for (const [metric, isBetter] of parts.flatMap((part) => Object.entries(part))) {
    joined[metric] = !(metric in joined) || joined[metric] === isBetter ? isBetter : null;
  }
  return joined;
}

function sorted(entries: readonly [string, JsonValue][]): JsonObject {
  return Object.fromEntries(entries.toSorted(([a], [b]) => a < b ? -1 : a > b ? 1 : 0));
}
