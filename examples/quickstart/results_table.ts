/** Tables of methods: mean and standard error over seeds of what their runs' summaries hold, as Markdown. @module */
import type { IterationSummary } from "../../mod.ts";

/** A method's runs. */
export interface MethodRuns {
  /** The method's name. */
  name: string;
  /** Per seed the iterations of summary.json, the start (−1) first. */
  runs: readonly (readonly IterationSummary[])[];
}

/** Right answers, drawn or at temperature 0. */
export type Kind = "sampled" | "greedy";

/** A line per method, percent of right answers after every iteration. */
export function resultsTable(methods: readonly MethodRuns[], kind: Kind): string {
  const iterations = methods[0]!.runs[0]!.map(({ iteration }) => iteration === -1 ? "start" : `${iteration}`);
  return table([
    [`${kind}, %`, ...iterations],
    ...methods.map((
      { name, runs },
    ) => [name, ...iterations.map((_, i) => meanAndError(runs.map((run) => percent(run[i], kind))))]),
  ]);
}

/**
 * A line per pair of methods, given by their names: how many points the first ends above the second, and how many its
 * best iteration lies above the other's. Both are means of differences within seeds.
 */
export function differencesTable(
  methods: readonly MethodRuns[],
  pairs: readonly (readonly [string, string])[],
): string {
  const measures: readonly { head: string; value: (run: readonly IterationSummary[]) => number }[] = [
    { head: "sampled, end", value: (run) => percent(run.at(-1), "sampled") },
    { head: "sampled, best", value: (run) => Math.max(...run.slice(1).map((each) => percent(each, "sampled"))) },
    { head: "greedy, end", value: (run) => percent(run.at(-1), "greedy") },
    { head: "greedy, best", value: (run) => Math.max(...run.slice(1).map((each) => percent(each, "greedy"))) },
  ];
  return table([
    ["points", ...measures.map(({ head }) => head)],
    ...pairs.map(([a, b]) => [
      `${a} − ${b}`,
      ...measures.map(({ value }) =>
        meanAndError(runsOf(methods, a).map((run, i) => value(run) - value(runsOf(methods, b)[i]!)))
      ),
    ]),
  ]);
}

/** A line per pair of methods: how many points of `kind` the first lies above the second after every iteration. */
export function differencesByIteration(
  methods: readonly MethodRuns[],
  pairs: readonly (readonly [string, string])[],
  kind: Kind,
): string {
  const iterations = methods[0]!.runs[0]!.slice(1).map(({ iteration }) => `${iteration}`);
  return table([
    [`${kind}, points`, ...iterations],
    ...pairs.map(([a, b]) => [
      `${a} − ${b}`,
      ...iterations.map((_, i) =>
        meanAndError(
          runsOf(methods, a).map((run, seed) =>
            percent(run[i + 1], kind) - percent(runsOf(methods, b)[seed]![i + 1], kind)
          ),
        )
      ),
    ]),
  ]);
}

/** `mean ± standard error`, such as `50.0 ± 1.2`. */
export function meanAndError(values: readonly number[]): string {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return `${mean.toFixed(1)} ± ${Math.sqrt(variance / values.length).toFixed(1)}`;
}

/** `text` with what lies between the two markers of `name` replaced. Throws an Error where it has not both. */
export function replaceBetweenMarkers(text: string, name: string, between: string): string {
  const marker = `<!-- ${name}: begin -->`;
  const begin = text.indexOf(marker);
  const end = text.indexOf(`<!-- ${name}: end -->`, begin);
  if (begin < 0 || end < 0) throw new Error(`Cannot find ${marker} and its end`);
  return `${text.slice(0, begin + marker.length)}\n\n${between}\n\n${text.slice(end)}`;
}

function runsOf(methods: readonly MethodRuns[], name: string): MethodRuns["runs"] {
  return methods.find((method) => method.name === name)!.runs;
}

function percent(iteration: IterationSummary | undefined, kind: Kind): number {
  return 100 * iteration![kind]!;
}

/** Rows of cells laid out as `deno fmt` does, the first of them the head. */
function table([head, ...body]: readonly (readonly string[])[]): string {
  const widths = head!.map((_, column) => Math.max(...[head!, ...body].map((cells) => cells[column]!.length)));
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const aligned = (cells: readonly string[]): string =>
    line(cells.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)));
  const rule = line(widths.map((width, i) => i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  return [aligned(head!), rule, ...body.map(aligned)].join("\n");
}
