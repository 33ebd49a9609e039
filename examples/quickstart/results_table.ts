/** The table of methods: mean and standard error over seeds of what their runs' summaries hold. @module */
import type { IterationSummary } from "../../mod.ts";

/** A method's runs. */
export interface MethodRuns {
  /** The method's name. */
  name: string;
  /** Per seed the iterations of summary.json, the start (−1) first. */
  runs: readonly (readonly IterationSummary[])[];
}

const BEGIN = "<!-- reproduce: begin -->";
const END = "<!-- reproduce: end -->";

const KINDS = ["greedy", "sampled"] as const;

/** The table as Markdown, laid out as `deno fmt` does: a line per method, percent after every iteration. */
export function resultsTable(methods: readonly MethodRuns[]): string {
  const iterations = methods[0]!.runs[0]!.map(({ iteration }) => iteration === -1 ? "start" : `${iteration}`);
  const head = ["method", ...KINDS.flatMap((kind) => iterations.map((name) => `${kind}, ${name}`))];
  const body = methods.map(({ name, runs }) => [
    name,
    ...KINDS.flatMap((kind) => iterations.map((_, i) => meanAndError(runs.map((run) => 100 * run[i]![kind]!)))),
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...body].map((cells) => cells[column]!.length)));
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const aligned = (cells: readonly string[]): string =>
    line(cells.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)));
  const rule = line(widths.map((width, i) => i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  return [aligned(head), rule, ...body.map(aligned)].join("\n");
}

/** `mean ± standard error`, such as `50.0 ± 1.2`. */
export function meanAndError(values: readonly number[]): string {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return `${mean.toFixed(1)} ± ${Math.sqrt(variance / values.length).toFixed(1)}`;
}

/** `text` with what lies between its two markers replaced. Throws an Error where it has not both. */
export function replaceBetweenMarkers(text: string, between: string): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END, begin);
  if (begin < 0 || end < 0) throw new Error(`Cannot find ${BEGIN} and ${END}`);
  return `${text.slice(0, begin + BEGIN.length)}\n\n${between}\n\n${text.slice(end)}`;
}
