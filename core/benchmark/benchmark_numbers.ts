/** The numbers of a results file that tell a model: by `TASK/METRIC`, of tasks and groups that stand for themselves. @module */
import { isRecord } from "../values.ts";

/** A number's name: `TASK/METRIC`, or `TASK/METRIC,FILTER` of a filter that has a name. */
export type NumberName = `${string}/${string}`;

/** Numbers of a model on benchmarks. */
export interface BenchmarkNumbers {
  /** Values by name; `TASK/METRIC_stderr` is the standard error of `TASK/METRIC`. What is no number is absent. */
  metrics: Record<NumberName, number>;
  /** Whether more is better, by the name of a value. */
  higher_is_better: Record<NumberName, boolean>;
}

/** The parts of a results file that its numbers are read from. */
interface NumberedResults {
  readonly results: Readonly<Record<string, unknown>>;
  readonly group_subtasks?: unknown;
  readonly higher_is_better?: unknown;
}

/** The name of a task's or group's number, from the results' `METRIC,FILTER`. */
export function numberName(task: string, metric: string): NumberName {
  return `${task}/${metric.replace(/,none$/, "")}`;
}

/** The name of the error of a number. */
export function stderrName(name: NumberName): NumberName {
  const [, task, metric, filter = ""] = /^(.*)\/([^,/]+)(,.*)?$/.exec(name) ?? [];
  return metric === undefined ? `${name}_stderr` : `${task}/${metric}_stderr${filter}`;
}

/** Whether a name is that of an error. */
export function isStderrName(name: string): boolean {
  return /_stderr(,[^/]*)?$/.test(name);
}

/** The metrics that a task is told by, the first that it has: as in the first Open LLM Leaderboard. */
export const MAIN_METRICS: readonly string[] = [
  "acc_norm,none",
  "acc,none",
  "exact_match,strict-match",
  "exact_match,none",
];

/** Whether a key of a summary is a benchmark's; a task of one's own may be called as it likes, but for brackets and ends. */
export function isNumberName(key: string): key is NumberName {
  return /^[^<>|`\p{C}]+\/\w+(?:,[^,/<>|`\p{C}]+)?$/u.test(key);
}

/** Of each task's numbers the one that tells most, in the order of their tasks; other keys are left out. */
export function mainNumbers(keys: Iterable<string>): NumberName[] {
  const values = [...keys].filter(isNumberName).filter((key) => !isStderrName(key));
  return [...Map.groupBy(values, (name) => name.slice(0, name.lastIndexOf("/")))].map(([task, own]) =>
    MAIN_METRICS.map((metric) => numberName(task, metric)).find((name) => own.includes(name)) ?? own[0]!
  );
}

/** The mean of the leaderboard's six tasks, which is there where all of them are. */
export const AVERAGE_NAME: NumberName = "openllm/average";

/** The numbers that tell whether a model is better, by all of which more is better: the average, which has them all, or each task's. */
export function tellingNumbers(keys: Iterable<string>): NumberName[] {
  const names = mainNumbers(keys).filter((key) =>
    key === AVERAGE_NAME || MAIN_METRICS.some((metric) => key.endsWith(numberName("", metric)))
  );
  return names.includes(AVERAGE_NAME) ? [AVERAGE_NAME] : names;
}

/** The tasks and groups that have a value; those in a group that has one are left out: it has theirs already. */
export function toldTasks({ results, group_subtasks: groups }: NumberedResults): string[] {
  const told = new Set(Object.keys(results).filter((name) => valuesOf(results[name]).length > 0));
  for (const name of [...told]) for (const member of membersOf(name, groups)) told.delete(member);
  return [...told];
}

/** The numbers of a results file, in its order. */
export function benchmarkNumbers(file: NumberedResults): BenchmarkNumbers {
  const numbers: BenchmarkNumbers = { metrics: {}, higher_is_better: {} };
  const better = isRecord(file.higher_is_better) ? file.higher_is_better : {};
  for (const task of toldTasks(file)) {
    const own = isRecord(better[task]) ? better[task] : {};
    for (const [metric, value] of valuesOf(file.results[task])) {
      const name = numberName(task, metric);
      numbers.metrics[name] = value;
      const isBetter = own[metric.split(",")[0]!];
      if (!isStderrName(name) && typeof isBetter === "boolean") numbers.higher_is_better[name] = isBetter;
    }
  }
  return numbers;
}

/** The values of a task's results: those of `METRIC,FILTER` that are numbers. */
function valuesOf(result: unknown): [string, number][] {
  if (!isRecord(result)) return [];
  return Object.entries(result).filter((entry): entry is [string, number] =>
    entry[0].includes(",") && Number.isFinite(entry[1])
  );
}

/** What a group holds, at any depth. */
function membersOf(group: string, groups: unknown, seen: ReadonlySet<string> = new Set()): Set<string> {
  const members = isRecord(groups) && Object.hasOwn(groups, group) && Array.isArray(groups[group])
    ? groups[group].map(String).filter((member) => member !== group && !seen.has(member))
    : [];
  const within = new Set([...seen, group]);
  return new Set(members.flatMap((member) => [member, ...membersOf(member, groups, within)]));
}
