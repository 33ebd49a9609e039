/** The page of several runs: a table of them, and their curves laid over one another. @module */
import { iterationValues } from "../run/read_run.ts";
import type { RunView } from "../run/run_reader.ts";
import { BY_ITERATION, BY_STEP } from "./compared_measures.ts";
import { drawFigure, type ReadChart } from "./figures.ts";
import { moment, number, PLUS_MINUS, plusMinus, signed, whole } from "./format_numbers.ts";
import { iterationChart, measureSeries } from "./iteration_curves.ts";
import { escapeMarkup } from "./markup.ts";
import { measureOf } from "./measures.ts";
import { changesOf } from "./run_answer.ts";
import { figureHtml, type PageBlocks, STATE_PILLS } from "./run_page.ts";
import { stepCurves } from "./step_curves.ts";

/** The most runs that are laid over one another: more lines cannot be told apart. */
export const MAX_LAID = 6;

/** A run of the page. */
export interface ListedRun {
  /** Its folder's name. */
  name: string;
  /** What was read of it; null if it could not be read. */
  view: RunView | null;
  /** Why it could not be read. */
  problem?: string;
}

/** What the page shows. */
export interface Overlay {
  /** The folder of runs. */
  dir: string;
  /** The runs, the latest first. */
  runs: readonly ListedRun[];
  /** Names of those that are laid over one another. */
  laid: readonly string[];
  /** How many more there are, which are not listed. */
  more: number;
}

/** The parts of the page. */
export function overlayBlocks({ dir, runs, laid, more }: Overlay): PageBlocks {
  const views = laid.flatMap((name) => runs.find((run) => run.name === name)?.view ?? []);
  const figures = overlayCharts(views).filter(({ chart }) => chart.series.length > 0).map(drawFigure).map(figureHtml);
  return {
    head: `<h1>Runs in ${escapeMarkup(dir)}</h1>`,
    answer: runs.length === 0
      ? "<p>There is no run yet: none of the folders in it holds the files of one.</p>"
      : runsTable(runs, laid) + (more > 0 ? `<p class="soft">${whole(more)} older runs are not listed.</p>` : ""),
    figures: figures.length === 0
      ? ""
      : `<h2>Laid over one another</h2><div class="figures">${figures.join("\n")}</div>`,
  };
}

function runsTable(runs: readonly ListedRun[], laid: readonly string[]): string {
  let hasErrors = false;
  const body = runs.map(({ name, view, problem }) => {
    const path = `run/${encodeURIComponent(name.toWellFormed())}/`;
    const head = `<th scope="row"><a href="${escapeMarkup(path)}">${escapeMarkup(name)}</a></th>`;
    if (view === null) return `<tr>${head}<td colspan="6">${escapeMarkup(problem ?? "")}</td></tr>`;
    const { config, state, written, iterations } = view;
    const [change] = changesOf(view, view.evaluated);
    const stderr = change?.sure?.stderr ?? null;
    hasErrors ||= stderr !== null;
    const done = iterations.filter(({ iteration }) => iteration >= 0).length;
    const planned = typeof config.iterations === "number" && config.stage === undefined ? `/${config.iterations}` : "";
    const isLaid = laid.includes(name);
    const others = isLaid ? laid.filter((other) => other !== name) : [...laid, name].slice(-MAX_LAID);
    const query = others.length === 0
      ? "none="
      : others.map((other) => `run=${encodeURIComponent(other.toWellFormed())}`).join("&");
    const result = change === undefined
      ? ""
      : `${escapeMarkup(change.name)} ${number(change.from, change.isShare)} → ${number(change.to, change.isShare)} (${
        signed(change.to - change.from, change.isShare)
      }${plusMinus(stderr, change.isShare)})`;
    return `<tr>${head}<td>${STATE_PILLS[state]}</td><td>${
      escapeMarkup(String(config.stage ?? config.method ?? ""))
    }</td>` +
      `<td>${done}${planned}</td><td>${result}</td><td>${moment(written)}</td>` +
      `<td><a href="?${escapeMarkup(query)}">${isLaid ? "leave out" : "lay over"}<span class="hidden"> ${
        escapeMarkup(name)
      }</span></a></td></tr>`;
  });
  const heads = ["run", "state", "method", "iterations", "result", "last written", "figures"];
  return `<div class="scroll" tabindex="0" role="region" aria-label="Runs"><table class="runs"><thead><tr>${
    heads.map((head) => `<th scope="col">${head}</th>`).join("")
  }</tr></thead><tbody>${body.join("\n")}</tbody></table></div>${
    hasErrors ? `<p class="small soft">${PLUS_MINUS}.</p>` : ""
  }`;
}

function overlayCharts(views: readonly RunView[]): ReadChart[] {
  return [
    ...BY_ITERATION.map(({ key, reading, ...chart }): ReadChart => {
      const lines = views.map((view) =>
        measureSeries(view.name, key, { rows: iterationValues(view), evaluated: view.evaluated })
      );
      const bars = measureOf(key).of === undefined && measureOf(key).stderr === undefined
        ? ""
        : " Bars are 95 % intervals.";
      return { reading: reading + bars, chart: iterationChart(lines, chart) };
    }),
    ...BY_STEP.map(({ key, reading, ...chart }): ReadChart => {
      const series = views.flatMap((view) =>
        stepCurves(view.steps).chart({ ...chart, keys: { [view.name]: key } }).series
      );
      return { reading, chart: { xLabel: "optimizer step", ...chart, series } };
    }),
  ];
}
