/** Results of benchmarks as lm-evaluation-harness prints them, so that both can be laid side by side. @module */

import { fixedText, floatText } from "../core/data/tokenizer/template/python_numbers.ts";
import { formatTable } from "./text_table.ts";

/** What the table shows of a results file of lm-evaluation-harness, or of ours. */
export interface ShownResults {
  /** By task or group: `metric,filter` and `metric_stderr,filter` with numbers, and `alias`. */
  readonly results: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** As `results`, of groups that have numbers of their own. */
  readonly groups?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** The names below each group. */
  readonly group_subtasks?: Readonly<Record<string, readonly string[]>>;
  readonly versions: Readonly<Record<string, unknown>>;
  readonly "n-shot": Readonly<Record<string, number>>;
  readonly higher_is_better: Readonly<Record<string, Readonly<Record<string, boolean | null>>>>;
}

const HEADERS = ["", "Version", "Filter", "n-shot", "Metric", "", "Value", "", "Stderr"] as const;

/** Columns of numbers are set flush right. */
const RIGHT: ReadonlySet<string> = new Set(["Version", "n-shot", "Value", "Stderr"]);

/** The keys of a result that are no metrics. */
const FACTS = new Set(["alias", "name", "sample_len", "sample_count"]);

/**
 * The table of all tasks, and one of the groups if any has numbers, each as a Markdown table with a newline at its end;
 * lm-eval 0.4.13's `make_table`.
 */
export function formatResults(shown: ShownResults): string[] {
  const { groups = {} } = shown;
  const tables = [tableOf("Tasks", shown.results, shown)];
  return Object.keys(groups).length === 0 ? tables : [...tables, tableOf("Groups", groups, shown)];
}

function tableOf(title: string, results: ShownResults["results"], shown: ShownResults): string {
  const rows = inOrder(results, shown.group_subtasks ?? {}).flatMap(({ name, depth }) => {
    const result = results[name]!;
    const alias = String(result.alias ?? name);
    const shownName = depth === 0 ? alias : `${" ".repeat(depth)}- ${alias}`;
    const better = shown.higher_is_better[name] ?? {};
    return metricsOf(result).map(({ metric, filter, value, stderr }, i) => [
      i === 0 ? shownName : "",
      i === 0 ? formatVersion(shown.versions[name]) : "",
      filter,
      String(shown["n-shot"][name] ?? ""),
      metric,
      better[metric] === true ? "↑" : better[metric] === false ? "↓" : "",
      formatValue(value),
      stderr === undefined ? "" : "±",
      stderr === undefined ? "" : formatValue(stderr),
    ]);
  });
  return markdown([title, ...HEADERS.slice(1)], rows);
}

/** The names with their depths below groups: groups and their members by name, then what belongs to none. */
function inOrder(
  results: ShownResults["results"],
  members: NonNullable<ShownResults["group_subtasks"]>,
): { name: string; depth: number }[] {
  const depths = new Map<string, number>();
  const order: { name: string; depth: number }[] = [];
  const visit = (name: string, depth: number): void => {
    depths.set(name, depth);
    if (Object.hasOwn(results, name)) order.push({ name, depth });
    for (const member of [...members[name] ?? []].sort(byCodePoint)) visit(member, depth + 1);
  };
  const below = new Set(Object.values(members).flat());
  for (const name of Object.keys(members).sort(byCodePoint)) if (!below.has(name)) visit(name, 0);
  for (const name of Object.keys(results).sort(byCodePoint)) if (!depths.has(name)) order.push({ name, depth: 0 });
  return order;
}

interface ShownMetric {
  metric: string;
  filter: string;
  value: unknown;
  stderr: unknown;
}

/** The metrics of a result, sorted by `metric,filter` as text. */
function metricsOf(result: Readonly<Record<string, unknown>>): ShownMetric[] {
  return Object.keys(result).filter((key) => !FACTS.has(key)).sort(byCodePoint).flatMap((key) => {
    const at = key.indexOf(",");
    const [metric, filter] = at < 0 ? [key, ""] : [key.slice(0, at), key.slice(at + 1)];
    if (metric.endsWith("_stderr")) return [];
    return [{ metric, filter, value: result[key], stderr: result[`${metric}_stderr,${filter}`] }];
  });
}

/** Python orders text by code points. */
function byCodePoint(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** Python's 1.0 is 1 in lm-eval's table. */
function formatVersion(version: unknown): string {
  if (version === undefined || version === null) return "N/A";
  return Number.isFinite(Number(version)) ? String(Number(version)) : String(version);
}

function formatValue(value: unknown): string {
  return typeof value === "number" ? formatFixed(value, 4) : String(value);
}

/** A number as Python's `%.4f` writes it: 5 of 32 is 0.1562, where toFixed() has 0.1563. */
function formatFixed(value: number, digits: number): string {
  return Number.isFinite(value) ? `${value < 0 ? "-" : ""}${fixedText(value, digits)}` : floatText(value);
}

function markdown(headers: readonly string[], rows: readonly string[][]): string {
  const widths = headers.map((header, i) => Math.max(3, header.length, ...rows.map((row) => [...row[i]!].length)));
  const line = (cells: string[]): string => `|${cells.join("|")}|\n`;
  const center = (text: string, width: number): string => {
    const left = Math.floor((width - text.length) / 2);
    return " ".repeat(left) + text + " ".repeat(width - text.length - left);
  };
  const right = headers.map((header) => RIGHT.has(header));
  return line(headers.map((header, i) => center(header, widths[i]!))) +
    line(widths.map((width, i) => right[i] ? `${"-".repeat(width - 1)}:` : "-".repeat(width))) +
    rows.map((row) => line(row.map((cell, i) => (right[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))))
      .join("");
}

/** A difference as the table shows it. */
export interface ShownDifference {
  name: string;
  metric: string;
  filter: string;
  rows: number;
  value: number;
  baseline: number;
  difference: number;
  stderr: number | null;
  z: number | null;
  mcnemar: number | null;
}

/** The differences from a baseline, with the error of the paired difference and McNemar's exact test. */
export function formatDifferences(differences: readonly ShownDifference[], columns = Infinity): string {
  const number = (value: number | null, digits = 4): string => value === null ? "" : formatFixed(value, digits);
  return formatTable(
    ["task", "metric", "documents", "baseline", "value", "difference", "stderr", "z", "McNemar p"],
    differences.map(({ name, metric, filter, rows, value, baseline, difference, stderr, z, mcnemar }) => [
      name,
      filter === "none" ? metric : `${metric}, ${filter}`,
      rows,
      number(baseline),
      number(value),
      `${difference > 0 ? "+" : ""}${number(difference)}`,
      number(stderr),
      number(z, 2),
      number(mcnemar),
    ]),
    { text: [0, 1], columns },
  );
}
