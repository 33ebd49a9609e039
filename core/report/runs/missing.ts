/** What a report lacks, and why, in sentences: nothing is drawn that a run does not tell. @module */
import { counted } from "../../counted.ts";
import { isRecord } from "../../values.ts";
import { measureOf } from "../measures.ts";
import type { Benchmarks } from "./benchmark_points.ts";
import { MAX_DRAWN } from "./group_figures.ts";
import { type GroupMeasure, meansOf, type MeasuredGroup } from "./group_measures.ts";
import type { WinRatePoints } from "./win_rate_points.ts";

/** The most models that are named. */
const MOST_NAMES = 5;

/** The sentences, as text. */
export function missingLines(
  groups: readonly MeasuredGroup[],
  { measures, benchmarks, winRates }: {
    measures: readonly GroupMeasure[];
    benchmarks: Benchmarks | null;
    winRates: WinRatePoints | null;
  },
): string[] {
  const names = (some: readonly MeasuredGroup[]): string =>
    some.length === groups.length ? "any variant" : some.map(({ name }) => name).join(", ");
  const absent = measures.flatMap(({ key, name, against }) => {
    const without = groups.filter((group) => group.name !== against && meansOf(group, key).size === 0);
    // Mean scores are there only where they are not shares of right answers.
    const isIdle = without.length === groups.length && measureOf(key).stderr !== undefined;
    return without.length === 0 || isIdle ? [] : [`Not known of ${names(without)}: ${name}.`];
  });
  const logps = groups.filter(({ runs }) => runs.every(({ logps }) => logps.size === 0)).map((group) =>
    `No histogram of ${group.name}: ${group.runs[0]!.problem}.`
  );
  const partial = groups.flatMap(({ name, runs }) => {
    const without = runs.filter(({ logps }) => logps.size === 0).length;
    return without === 0 || without === runs.length
      ? []
      : [`The histogram of ${name} leaves out ${counted(without, "run")} of ${runs.length}.`];
  });
  const gaps = groups.flatMap(({ runs }) => runs).filter(({ logps, problem }) => logps.size > 0 && problem !== null)
    .map(({ dir, rows, logps, problem }) => {
      const without = rows.filter(({ iteration }) => iteration >= 0 && !logps.has(iteration));
      return `No histogram of iteration ${without.map(({ iteration }) => iteration).join(", ")} of ${dir}: ${problem}.`;
    });
  const unfinished = groups.flatMap(({ runs }) => runs).filter(({ view: { state } }) => state !== "done")
    .map(({ dir, view: { state } }) => `The run ${dir} is not finished: ${state}.`);
  const thinned = groups.flatMap(({ name, runs }) => {
    const stride = Math.max(...runs.map(({ view }) => view.stride));
    return stride === 1 ? [] : [`Of the steps of ${name} one of every ${stride} that were logged is drawn and listed.`];
  });
  const undrawn = groups.slice(MAX_DRAWN);
  return [
    ...absent,
    ...logps,
    ...partial,
    ...gaps,
    ...unfinished,
    ...thinned,
    ...heldOutLines(groups),
    ...(benchmarks === null
      ? ["No benchmarks: --evaluations names no folder of results."]
      : benchmarkLines(benchmarks)),
    ...(winRates === null ? ["No win rates: --win-rates names no folder of results."] : winRateLines(winRates)),
    ...(undrawn.length === 0
      ? []
      : [`Figures show ${MAX_DRAWN} variants; in tables and CSV alone are ${
        undrawn.map(({ name }) => name).join(", ")
      }.`]),
  ];
}

function benchmarkLines({ strangers, unscored, unlike }: Benchmarks): string[] {
  return [
    ...unlike.map((problem) => `Left out, as it does not compare: ${problem}.`),
    ...(strangers.length === 0 ? [] : [`Results of other models are left out: ${someOf(strangers)}.`]),
    ...(unscored.length === 0 ? [] : [`No share of right answers, and so no score: ${unscored.join(", ")}.`]),
  ];
}

function winRateLines({ strangers, points }: WinRatePoints): string[] {
  const unjudged = points.reduce((sum, { result }) => sum + result.unjudged, 0);
  return [
    ...(strangers.length === 0 ? [] : [`Win rates of other runs are left out: ${someOf(strangers)}.`]),
    ...(unjudged === 0
      ? []
      : [`Win rates leave out ${counted(unjudged, "prompt")} on which the judge had no verdict.`]),
  ];
}

/** The first of many names, and how many more there are. */
function someOf(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  return names.slice(0, MOST_NAMES).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** Says where variants were measured on other held-out rows. */
function heldOutLines(groups: readonly MeasuredGroup[]): string[] {
  const rows = groups.map(({ name, runs }) => {
    const of = runs.map(({ view: { config, evaluated } }) => {
      const data = isRecord(config.data) ? config.data : {};
      const counts = [...new Set(evaluated.values())].join(", ");
      return data.eval === undefined || data.eval === null ? "" : `${JSON.stringify(data.eval)} (${counts} rows)`;
    });
    return { name, of: [...new Set(of)].sort().join("; ") };
  }).filter(({ of }) => of !== "");
  if (new Set(rows.map(({ of }) => of)).size < 2) return [];
  const texts = rows.map(({ name, of }) => `${name} on ${of}`);
  return [`The held-out rows differ, so that right answers and losses do not compare: ${texts.join("; ")}.`];
}
