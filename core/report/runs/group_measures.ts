/** The measures that variants are compared by, and their means over seeds. @module */
import { type Mean, meanOf } from "../../evaluate/seed_means.ts";
import { BY_ITERATION, type ComparedMeasure } from "../compared_measures.ts";
import { measureOf, titleOf } from "../measures.ts";
import type { Benchmarks } from "./benchmark_points.ts";
import type { RunGroup } from "./group_runs.ts";
import { AVERAGE, type MeasuredRun, taskKey } from "./measured_runs.ts";
import type { WinRatePoints } from "./win_rate_points.ts";

/** A measure with its name in tables. */
export interface GroupMeasure extends ComparedMeasure {
  /** As in tables. */
  name: string;
  /** Whether it tells how good the model is, and not how its rows were labelled or how it trained. */
  isOutcome?: true;
  /** The variant that others are compared with: it has no number of its own. */
  against?: string;
  /** What the errors of a single run are over (default: documents). */
  errorsOver?: string;
}

/** A variant with its measured runs. */
export type MeasuredGroup = RunGroup<MeasuredRun>;

/** What is drawn over iterations, the most telling first: right answers, benchmarks, win rates, held-out loss, labels. */
export function drawnMeasures(benchmarks: Benchmarks | null, winRates: WinRatePoints | null = null): GroupMeasure[] {
  const of = (key: string): GroupMeasure[] =>
    BY_ITERATION.filter((measure) => measure.key === key).map((measure) => ({ ...measure, name: measureOf(key).name }));
  const outcome = (key: string): GroupMeasure[] => of(key).map((measure) => ({ ...measure, isOutcome: true }));
  const tasks = benchmarks?.tasks ?? [];
  const score = (name: string): Omit<GroupMeasure, "key" | "reading"> => ({
    name,
    title: `${name[0]!.toUpperCase()}${name.slice(1)}`,
    yLabel: "score",
    share: true,
    isOutcome: true,
  });
  return [
    ...outcome("sampled_score"),
    ...outcome("greedy_score"),
    ...outcome("sampled"),
    ...outcome("greedy"),
    ...(tasks.length < 2 ? [] : [{
      ...score("benchmark average"),
      key: AVERAGE,
      reading: `The mean of ${tasks.map(({ name }) => name).join(", ")}, where all of them are known.`,
    }]),
    ...tasks.map((task) => ({
      ...score(task.name),
      title: `${task.name}: ${task.metric}`,
      key: taskKey(task.name),
      reading: "Scored as lm-evaluation-harness does.",
    })),
    ...(winRates?.opponents ?? []).map(({ key, name, judge, prompts }): GroupMeasure => ({
      key,
      name: `win rate against ${name}`,
      title: `Win rate against ${name}`,
      yLabel: "share of prompts, ties as halves",
      share: true,
      levels: [{ y: 0.5, label: "even" }],
      reading: `After each iteration, by judge ${judge}, on ${prompts}.`,
      isOutcome: true,
      against: name,
      errorsOver: "prompts",
    })),
    ...outcome("eval_loss"),
    {
      key: "scored_at_least",
      name: measureOf("scored_at_least").name,
      title: titleOf("scored_at_least"),
      yLabel: "share of pairs with both scores",
      share: true,
      levels: [{ y: 0.5, label: "even" }],
      reading:
        "Of the answers that the model gave before the iteration. Answers that are the human ones themselves are no " +
        "pair. Judges differ between runs.",
    },
    ...of("generated_chosen"),
  ];
}

/** Means over an iteration's steps, which tables have; figures show the steps themselves. */
const OF_STEPS = ["loss", "noise_loss", "rewards_margins"];

/** What tables have: what is drawn, and the means over steps. */
export function listedMeasures(benchmarks: Benchmarks | null, winRates: WinRatePoints | null = null): GroupMeasure[] {
  return [
    ...drawnMeasures(benchmarks, winRates),
    ...OF_STEPS.map((key) => ({
      key,
      name: measureOf(key).name,
      title: `${titleOf(key)}, means over steps`,
      yLabel: "",
      reading: measureOf(key).text,
    })),
  ];
}

/** The iterations of a variant that have a measure, ascending, each with the mean over the runs that have it. */
export function meansOf({ runs }: MeasuredGroup, key: string): Map<number, Mean> {
  const values = new Map<number, number[]>();
  for (const { rows } of runs) {
    for (const { iteration, values: own } of rows) {
      if (own[key] !== undefined) values.set(iteration, [...values.get(iteration) ?? [], own[key]]);
    }
  }
  return new Map([...values].sort(([a], [b]) => a - b).map(([iteration, own]) => [iteration, meanOf(own)]));
}

/** The measures that some variant has. */
export function knownMeasures(groups: readonly MeasuredGroup[], measures: readonly GroupMeasure[]): GroupMeasure[] {
  return measures.filter(({ key }) => groups.some((group) => meansOf(group, key).size > 0));
}
