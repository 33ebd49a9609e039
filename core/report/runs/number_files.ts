/** The numbers of a report of several runs as CSV. @module */
import { meanOf } from "../../evaluate/seed_means.ts";
import { csvText } from "../../files/csv_text.ts";
import type { AblationRow } from "./ablation.ts";
import { groupSteps, STEP_KEYS } from "./group_figures.ts";
import { type GroupMeasure, meansOf, type MeasuredGroup } from "./group_measures.ts";
import type { Histograms } from "./logp_histograms.ts";
import { winRatesCsv } from "./win_rates_csv.ts";
import type { WinRatePoint } from "./win_rate_points.ts";

/** What the files are made of. */
export interface ReportNumbers {
  groups: readonly MeasuredGroup[];
  measures: readonly GroupMeasure[];
  ablation: readonly AblationRow[];
  histograms: Histograms | null;
  /** Win rates, by the places of runs. */
  winRates: readonly WinRatePoint[];
}

/** The texts of the files by their names; shares are from 0 to 1, iteration −1 is the start. */
export function numberFiles({ groups, measures, ablation, histograms, winRates }: ReportNumbers): Map<string, string> {
  const files = new Map([["means.csv", meansCsv(groups, measures)], ["runs.csv", runsCsv(groups)]]);
  const steps = stepsCsv(groups);
  if (steps !== null) files.set("steps.csv", steps);
  if (ablation.length > 0) files.set("ablation.csv", ablationCsv(ablation));
  if (histograms !== null) files.set("logps.csv", logpsCsv(histograms));
  if (winRates.length > 0) files.set("win_rates.csv", winRatesCsv(winRates, groups));
  return files;
}

function meansCsv(groups: readonly MeasuredGroup[], measures: readonly GroupMeasure[]): string {
  const rows = measures.flatMap(({ key }) =>
    groups.flatMap((group) =>
      [...meansOf(group, key)].map((
        [iteration, { mean, stderr, n }],
      ) => [key, group.name, group.part, iteration, n, mean, stderr])
    )
  );
  return csvText([["measure", "variant", "parts", "iteration", "n", "mean", "stderr"], ...rows]);
}

/** A line for each iteration of each run, with all its numbers, and the errors that benchmarks have over documents. */
function runsCsv(groups: readonly MeasuredGroup[]): string {
  const runs = groups.flatMap((group) => group.runs.map((run) => ({ group, run })));
  const keys = [...new Set(runs.flatMap(({ run }) => run.rows.flatMap(({ values }) => Object.keys(values))))];
  const unsure = [...new Set(runs.flatMap(({ run }) => [...run.errors.values()].flatMap((own) => [...own.keys()])))];
  const rows = runs.flatMap(({ group, run: { dir, seed, rows, errors } }) =>
    rows.map(({ iteration, values }) => [
      group.name,
      seed,
      dir,
      iteration,
      ...keys.map((key) => values[key]),
      ...unsure.map((key) => errors.get(iteration)?.get(key)),
    ])
  );
  const heads = [...keys, ...unsure.map((key) => `${key} stderr`)];
  return csvText([["variant", "seed", "run", "iteration", ...heads], ...rows]);
}

/** A line for each step that all runs of a variant logged; null if there is none. */
function stepsCsv(groups: readonly MeasuredGroup[]): string | null {
  const steps = groups.map((group) => ({ group, steps: groupSteps(group) }));
  const keys = STEP_KEYS.filter((key) => steps.some(({ steps }) => steps.some(({ values }) => values.has(key))));
  if (keys.length === 0) return null;
  const rows = steps.flatMap(({ group, steps }) =>
    steps.map(({ iteration, step, values }) => {
      const means = keys.map((key) => values.has(key) ? meanOf(values.get(key)!) : null);
      const n = Math.max(0, ...means.map((mean) => mean?.n ?? 0));
      return [group.name, iteration, step, n, ...means.flatMap((mean) => [mean?.mean, mean?.stderr])];
    })
  );
  const heads = keys.flatMap((key) => [key, `${key} stderr`]);
  return csvText([["variant", "iteration", "step", "n", ...heads], ...rows]);
}

function ablationCsv(ablation: readonly AblationRow[]): string {
  const rows = ablation.flatMap(({ group, part, cells }) =>
    cells.map(({ measure, start, iteration, end, lead }) => [
      group.name,
      part,
      measure.key,
      start?.mean,
      iteration,
      end.n,
      end.mean,
      end.stderr,
      lead?.n,
      lead?.mean,
      lead?.stderr,
    ])
  );
  const heads = ["start", "iteration", "n", "mean", "stderr", "lead n", "lead on SPIN", "lead stderr"];
  return csvText([["variant", "parts", "measure", ...heads], ...rows]);
}

function logpsCsv({ ends, all }: Histograms): string {
  const rows = all.flatMap(({ group, iteration, answers, n, shares }) =>
    shares.map((share, i) => [group.name, iteration, n, answers, ends[i], ends[i + 1], share])
  );
  return csvText([["variant", "iteration", "n", "answers", "from", "to", "share"], ...rows]);
}
