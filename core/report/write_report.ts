/** A run's page: report.html, one file that needs nothing else. @module */
import { parse } from "yaml";
import { writeFileAtomic } from "../files/atomic.ts";
import { iterationValues, readRun, type RunRecord } from "../run/read_run.ts";
import { runPaths } from "../run/run_paths.ts";
import { isRecord } from "../values.ts";
import { iterationName, runFigures } from "./figures.ts";
import { escapeMarkup } from "./markup.ts";

/**
 * Writes `RUN/report.html` from the run's files and returns its path. Throws a UserError if one is malformed.
 *
 * @example
 * ```ts
 * import { writeReport } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * const dir = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${dir}/metrics.jsonl`, '{"iteration": 0, "step": 1, "loss": 0.69}\n');
 * const page = await Deno.readTextFile(await writeReport(dir));
 * assert.match(page, /^<!doctype html>/);
 * ```
 */
export async function writeReport(runDir: string): Promise<string> {
  const path = runPaths(runDir).report;
  await writeFileAtomic(path, reportPage(await readRun(runDir)));
  return path;
}

const STYLE = `
:root { color-scheme: light dark; --ink: #24292f; --faint: #8885; }
@media (prefers-color-scheme: dark) { :root { --ink: #d6d9de; } }
body { margin: 2rem auto; padding: 0 1.5rem; max-width: 1200px; color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.15rem; margin: 2rem 0 .6rem; }
h3 { font-size: .95rem; margin: 0 0 .2rem; } p { margin: .2rem 0; }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); gap: 1.5rem; }
.settings { columns: 22rem; column-gap: 2rem; } .settings section { break-inside: avoid; margin-bottom: 1.2rem; }
figure { margin: 0; } svg { width: 100%; height: auto; color: var(--ink); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .8rem; border-bottom: 1px solid var(--faint); text-align: right; }
th:first-child, .settings td { text-align: left; } .settings table { width: 100%; font-size: .85rem; }
.settings td { padding: .1rem .5rem .1rem 0; overflow-wrap: anywhere; } .settings td:first-child { width: 1%; white-space: nowrap; padding-right: 1.5rem; }
.wide { overflow-x: auto; }`;

/** The page of a run, as HTML. */
function reportPage(run: RunRecord): string {
  const figures = runFigures(run).map((figure) => `<figure>${figure.svg}</figure>`);
  const title = `dnpo: ${escapeMarkup(run.name)}`;
  return [
    "<!doctype html>",
    `<html lang="en"><head><meta charset="utf-8"><title>${title}</title>`,
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    `<meta name="viewport" content="width=device-width, initial-scale=1"><style>${STYLE}\n</style></head><body>`,
    `<h1>${title}</h1>`,
    run.model === null ? "" : `<p>Model: <code>${escapeMarkup(run.model)}</code></p>`,
    run.edited.length === 0
      ? ""
      : `<p>Edited by hand after they were made: <code>${escapeMarkup(run.edited.join(", "))}</code></p>`,
    section("Iterations", iterationTable(run)),
    section("Figures", figures.length === 0 ? "" : `<div class="grid">${figures.join("\n")}</div>`),
    section("Settings", settingsTables(run.settings)),
    "</body></html>\n",
  ].filter((part) => part !== "").join("\n");
}

function section(title: string, content: string): string {
  return content === "" ? "" : `<h2>${title}</h2>\n${content}`;
}

/** The known columns, in order; others follow under their own names. */
const COLUMNS: Readonly<Record<string, { name: string; share: boolean }>> = {
  greedy: { name: "accuracy, greedy", share: true },
  sampled: { name: "accuracy, sampled", share: true },
  generated_chosen: { name: "generated chosen", share: true },
  loss: { name: "model loss", share: false },
  noise_loss: { name: "noise loss", share: false },
  ties: { name: "ties", share: false },
  identical: { name: "identical", share: false },
  score_human: { name: "score, human", share: false },
  score_generated: { name: "score, generated", share: false },
  order_disagreements: { name: "orders disagree", share: false },
  invalid: { name: "no verdict", share: false },
  agreement: { name: "judges agree", share: true },
  kappa: { name: "Cohen's kappa", share: false },
  length_winner: { name: "tokens, scored higher", share: false },
  length_loser: { name: "tokens, scored lower", share: false },
  length_chosen: { name: "tokens, chosen", share: false },
  length_rejected: { name: "tokens, rejected", share: false },
  generation_length: { name: "tokens generated, mean", share: false },
  truncated: { name: "cut off", share: false },
  rows: { name: "prompts", share: false },
  retokenized: { name: "retokenized", share: false },
  pairs: { name: "pairs", share: false },
  eval_loss: { name: "held-out loss", share: false },
  eval_rows: { name: "held-out rows", share: false },
  steps: { name: "steps", share: false },
  noise_variance: { name: "noise variance", share: false },
  rewards_margins: { name: "reward margin", share: false },
  rewards_accuracies: { name: "ranked as labelled", share: true },
  requests: { name: "judge's requests", share: false },
  prompt_tokens: { name: "tokens to the judge", share: false },
  completion_tokens: { name: "tokens of the judge", share: false },
  cost: { name: "judge's cost", share: false },
};

function columnOf(key: string): { name: string; share: boolean } {
  return Object.hasOwn(COLUMNS, key) ? COLUMNS[key]! : { name: key, share: false };
}

function iterationTable(run: RunRecord): string {
  const iterations = iterationValues(run);
  if (iterations.length === 0) return "";
  const present = new Set(iterations.flatMap(({ values }) => Object.keys(values)));
  const keys = [
    ...Object.keys(COLUMNS).filter((key) => present.has(key)),
    ...[...present].filter((key) => !Object.hasOwn(COLUMNS, key)),
  ];
  const head = ["iteration", ...keys.map((key) => columnOf(key).name)].map((name) => `<th>${escapeMarkup(name)}</th>`);
  const rows = iterations.map(({ iteration, values }) => {
    const cells = keys.map((key) =>
      `<td>${Object.hasOwn(values, key) ? number(values[key]!, columnOf(key).share) : "–"}</td>`
    );
    return `<tr><th>${iterationName(iteration)}</th>${cells.join("")}</tr>`;
  });
  return `<div class="wide"><table>\n<tr>${head.join("")}</tr>\n${rows.join("\n")}\n</table></div>`;
}

/** A number as text; a share is in percent. */
export function number(value: number, share: boolean): string {
  const text = share ? `${(100 * value).toFixed(1)} %` : Number.isInteger(value) ? String(value) : value.toPrecision(4);
  return text.replace(/^-/, "−");
}

/** A table for each group of settings; text that is not a YAML mapping is shown as it is. */
function settingsTables(text: string | null): string {
  if (text === null) return "";
  let settings: unknown;
  try {
    settings = parse(text);
  } catch {
    settings = null;
  }
  if (!isRecord(settings)) return `<pre>${escapeMarkup(text)}</pre>`;
  const entries = Object.entries(settings);
  const groups = [
    ["run", Object.fromEntries(entries.filter(([, value]) => !isGroup(value)))] as const,
    ...entries.filter(([, value]) => isGroup(value)),
  ];
  const tables = groups.map(([name, group]) => {
    const rows = leaves(group).map(([key, value]) =>
      `<tr><td>${escapeMarkup(key)}</td><td>${escapeMarkup(value)}</td></tr>`
    );
    return `<section><h3>${escapeMarkup(name)}</h3><table>${rows.join("")}</table></section>`;
  });
  return `<div class="settings">\n${tables.join("\n")}\n</div>`;
}

/** Whether a setting holds other settings, directly or in a list with one entry per iteration. */
function isGroup(value: unknown): boolean {
  return isRecord(value) || (Array.isArray(value) && value.some(isRecord));
}

/** Dotted keys with their values as text. */
export function leaves(value: unknown, path = ""): [string, string][] {
  if (isRecord(value) || (Array.isArray(value) && value.some(isRecord))) {
    return Object.entries(value).flatMap(([key, inner]) => leaves(inner, path === "" ? key : `${path}.${key}`));
  }
  return [[path, Array.isArray(value) ? value.join(", ") : String(value)]];
}
