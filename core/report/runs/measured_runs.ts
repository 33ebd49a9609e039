/** Runs with all numbers of their iterations: of the summary, the pairs, benchmarks, and win rates. @module */
import { iterationValues, type LoggedIteration } from "../../run/read_run.ts";
import type { Benchmarks } from "./benchmark_points.ts";
import type { FoundRun } from "./find_runs.ts";
import { generatedAnswers } from "./generated_answers.ts";
import type { WinRatePoints } from "./win_rate_points.ts";

/** A run with its numbers. */
export interface MeasuredRun extends FoundRun {
  /** The numbers of each iteration, from −1 on, by the summary's keys, those of benchmarks and of win rates. */
  rows: readonly LoggedIteration[];
  /** Standard errors of numbers of benchmarks and of win rates, by iteration and key. */
  errors: ReadonlyMap<number, ReadonlyMap<string, number>>;
  /** Log-probabilities of the generated answers, by iteration. */
  logps: ReadonlyMap<number, readonly number[]>;
  /** Why there are no log-probabilities, or none of some iterations; null if all have them. */
  problem: string | null;
}

/** The key of a task's score. */
export function taskKey(task: string): string {
  return `benchmark/${task}`;
}

/** The key of the mean over all tasks. */
export const AVERAGE = "benchmark_average";

/** Reads what the runs' files hold besides the summary. Throws a UserError if one is malformed. */
export async function measureRuns(
  runs: readonly FoundRun[],
  benchmarks: Benchmarks | null,
  { winRates = null, onRun = () => {} }: { winRates?: WinRatePoints | null; onRun?: (done: number) => void } = {},
): Promise<MeasuredRun[]> {
  const measured: MeasuredRun[] = [];
  for (const [i, run] of runs.entries()) {
    measured.push(await measureRun(run, { benchmarks, winRates, index: i }));
    onRun(i + 1);
  }
  return measured;
}

async function measureRun(
  run: FoundRun,
  { benchmarks, winRates, index }: { benchmarks: Benchmarks | null; winRates: WinRatePoints | null; index: number },
): Promise<MeasuredRun> {
  const rows = new Map(
    iterationValues(run.view).map(({ iteration, values }) => [iteration, new Map(Object.entries(values))]),
  );
  const rowOf = (iteration: number): Map<string, number> => {
    const row = rows.get(iteration) ?? new Map<string, number>();
    rows.set(iteration, row);
    return row;
  };
  const logps = new Map<number, readonly number[]>();
  const problems = new Set<string>();
  const linesOf = new Map<number, number>();
  for (const iteration of [...rows.keys()].filter((k) => k >= 0)) {
    const answers = await generatedAnswers(run.dir, iteration, { before: linesOf.get(iteration - 1) ?? 0 });
    if (answers === null) {
      problems.add("there are no pairs of generated answers");
      continue;
    }
    const { lines, scored, logps: own } = answers;
    linesOf.set(iteration, lines);
    if (scored.pairs > 0) rowOf(iteration).set("scored_at_least", scored.atLeast / scored.pairs);
    if (typeof own === "string") problems.add(own);
    else logps.set(iteration, own);
  }
  const errors = new Map<number, Map<string, number>>();
  for (const [iteration, scores] of benchmarks?.scores[index] ?? []) {
    const own = new Map<string, number>();
    for (const [task, { value, stderr }] of scores) {
      rowOf(iteration).set(taskKey(task), value);
      if (stderr !== null) own.set(taskKey(task), stderr);
    }
    // A mean of other tasks would be another number.
    if (scores.size === benchmarks!.tasks.length) {
      const all = [...scores.values()];
      rowOf(iteration).set(AVERAGE, all.reduce((sum, { value }) => sum + value, 0) / all.length);
      const squares = all.map(({ stderr }) => stderr === null ? NaN : stderr ** 2).reduce((a, b) => a + b, 0);
      if (!Number.isNaN(squares)) own.set(AVERAGE, Math.sqrt(squares) / all.length);
    }
    errors.set(iteration, own);
  }
  for (const { opponent: { key }, result } of winRates?.points.filter(({ run }) => run === index) ?? []) {
    const { iteration, win_rate: rate, win_rate_stderr: stderr } = result;
    if (rate === null) continue;
    rowOf(iteration).set(key, rate);
    if (stderr !== null) errors.set(iteration, (errors.get(iteration) ?? new Map<string, number>()).set(key, stderr));
  }
  return {
    ...run,
    rows: [...rows].sort(([a], [b]) => a - b)
      .map(([iteration, values]) => ({ iteration, values: Object.fromEntries(values) })),
    errors,
    logps,
    problem: [...problems].join("; ") || (logps.size > 0 ? null : "it has no iteration"),
  };
}
