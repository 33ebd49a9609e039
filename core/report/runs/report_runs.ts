/** A report of several runs: one page, its figures as SVG, its numbers as CSV. @module */
import { UserError } from "../../error.ts";
import { withoutTrailing } from "../../files/path.ts";
import { replaceFolder } from "../../files/replace_folder.ts";
import { describeChart, drawChart, svg } from "../chart.ts";
import { drawFigure } from "../figures.ts";
import { PLUS_MINUS } from "../format_numbers.ts";
import { escapeMarkup } from "../markup.ts";
import { figureHtml, type PageBlocks } from "../run_page.ts";
import { savedPage } from "../write_report.ts";
import { ablationRows } from "./ablation.ts";
import { readBenchmarks } from "./benchmark_points.ts";
import { findRuns } from "./find_runs.ts";
import { MAX_DRAWN, measureFigure, type NamedChart, stepFigures } from "./group_figures.ts";
import {
  drawnMeasures,
  type GroupMeasure,
  knownMeasures,
  listedMeasures,
  meansOf,
  type MeasuredGroup,
} from "./group_measures.ts";
import { groupRuns } from "./group_runs.ts";
import { histogramFigures, logpHistograms } from "./logp_histograms.ts";
import { measureRuns } from "./measured_runs.ts";
import { missingLines } from "./missing.ts";
import { numberFiles } from "./number_files.ts";
import { winRatesTable } from "./win_rates_table.ts";
import { readWinRatePoints } from "./win_rate_points.ts";
import { ablationTable, differencesTable, measureTables, variantsTable } from "./variant_tables.ts";

/** What is reported on, and where. */
export interface ReportOptions {
  /** Folders of runs and of sweeps. */
  runs: readonly string[];
  /** The folder that is written; one that is there is replaced if it holds a report. */
  output: string;
  /** Folder of results of benchmarks, besides those that the runs have themselves. */
  evaluations?: string | undefined;
  /** Folder of win rates. */
  winRates?: string | undefined;
  /** Gets how many of the runs have been read. */
  onRun?: (done: number, total: number) => void;
}

/** What was written. */
export interface WrittenReport {
  /** The page. */
  page: string;
  /** The files in the folder, by their paths in it. */
  files: string[];
  /** The variants with their numbers of runs. */
  variants: { name: string; runs: number }[];
  /** What is missing and why, in sentences. */
  missing: string[];
}

const PAGE = "index.html";

/** Files that a report writes, and nothing else. */
const OWN = /^(index\.html|(means|runs|steps|ablation|logps|win_rates)\.csv|figures\/[\w.-]+\.svg)$/;

const SIZE = { width: 640, height: 400 };

/** Reads the runs and writes the report. Throws a UserError for what is no run, and for runs that share no measure. */
export async function reportRuns({ runs: dirs, output, onRun, ...folders }: ReportOptions): Promise<WrittenReport> {
  const leftOut: string[] = [];
  const found = await findRuns(dirs, { onLeftOut: (line) => leftOut.push(line) });
  const { evaluations, winRates: compared } = folders;
  const benchmarks = await readBenchmarks(evaluations, found);
  const winRates = compared === undefined ? null : await readWinRatePoints(compared, found);
  const runs = await measureRuns(found, benchmarks, { winRates, onRun: (done) => onRun?.(done, found.length) });
  const groups = groupRuns(runs);
  checkCommon(groups, listedMeasures(benchmarks, winRates));
  const drawn = groups.slice(0, MAX_DRAWN);
  const histograms = logpHistograms(groups);
  const shown = drawnMeasures(benchmarks, winRates);
  const charts: NamedChart[] = [
    ...shown.flatMap((measure) => measureFigure(drawn, measure) ?? []),
    ...stepFigures(drawn),
    ...(histograms === null ? [] : histogramFigures(histograms)),
  ];
  const measures = knownMeasures(groups, listedMeasures(benchmarks, winRates));
  const ablation = ablationRows(groups, shown.filter(({ isOutcome }) => isOutcome));
  const missing = [...leftOut, ...missingLines(groups, { measures: shown, benchmarks, winRates })];
  const csv = numberFiles({ groups, measures, ablation, histograms, winRates: winRates?.points ?? [] });
  const differences = differencesTable(groups);
  const blocks: PageBlocks = {
    head: `<h1>${escapeMarkup(titleOf(groups))}</h1>`,
    answer: `<h2>Runs</h2>${variantsTable(groups)}${ablationTable(ablation, shown)}`,
    figures: `<h2>Figures</h2><div class="figures">${charts.map(drawFigure).map(figureHtml).join("\n")}</div>`,
    numbers: `<h2>Numbers</h2>${numbersIntro(groups)}${measureTables(groups, measures)}${
      winRatesTable(winRates?.points ?? [], groups)
    }`,
    missing: missing.length === 0
      ? ""
      : `<h2>What is missing</h2><ul>${missing.map((line) => `<li>${escapeMarkup(line)}</li>`).join("")}</ul>`,
    settings: differences === "" ? "" : `<h2>Settings that differ</h2>${differences}`,
  };
  const page = await savedPage(blocks, {
    title: `${titleOf(groups)} · dnpo`,
    below: "Made by dnpo report from the runs' files. docs/reading-the-report.md says how to read it.",
  });
  const files = new Map([[PAGE, page], ...csv, ...svgFiles(charts)]);
  await replaceFolder(output, {
    files: [...files].map(([name, text]) => ({ name, bytes: () => [new TextEncoder().encode(text)] })),
    replaceable: (path) => OWN.test(path),
    what: "a report",
  });
  return {
    page: `${withoutTrailing(output)}/${PAGE}`,
    files: [...files.keys()],
    variants: groups.map(({ name, runs }) => ({ name, runs: runs.length })),
    missing,
  };
}

function titleOf(groups: readonly MeasuredGroup[]): string {
  return groups.length === 1 ? groups[0]!.name : `${groups.length} variants compared`;
}

function numbersIntro(groups: readonly MeasuredGroup[]): string {
  return groups.some(({ runs }) => runs.length > 1)
    ? `<p class="small soft">Means over runs that differ in their seeds alone; ${PLUS_MINUS}; n is the ` +
      `number of runs, and stands beside a number that not all of them have.</p>`
    : "";
}

/** The figures as files of their own, with their titles; two of one name, in either case of letters, are numbered. */
function svgFiles(charts: readonly NamedChart[]): [name: string, text: string][] {
  const taken = new Set<string>();
  return charts.map(({ file, chart }) => {
    let name = file;
    for (let again = 2; taken.has(name.toLowerCase()); again++) name = `${file}-${again}`;
    taken.add(name.toLowerCase());
    const text = svg(drawChart(chart, SIZE), { ...SIZE, label: describeChart(chart) });
    return [`figures/${name}.svg`, `${text}\n`];
  });
}

/** Throws a UserError if there is nothing that two variants could be compared by, or nothing at all. */
function checkCommon(groups: readonly MeasuredGroup[], measures: readonly GroupMeasure[]): void {
  const of = (group: MeasuredGroup): string[] =>
    measures.filter(({ key }) => meansOf(group, key).size > 0).map(({ name }) => name);
  const known = groups.map((group) => ({ name: group.name, has: of(group) }));
  const say = ({ name, has }: (typeof known)[number]): string => `${name} has ${has.join(", ") || "no numbers"}`;
  if (known.every(({ has }) => has.length === 0)) {
    const names = known.map(({ name }) => name).join(", ");
    throw new UserError(
      `Cannot report on ${names}: no iteration has numbers yet, expected the summary.json of a run of dnpo train`,
    );
  }
  const counts = Map.groupBy(known.flatMap(({ has }) => has), (name) => name);
  if (groups.length < 2 || [...counts.values()].some(({ length }) => length > 1)) return;
  throw new UserError(
    `Cannot report on these runs together: no measure is of two of them (${
      known.slice(0, 4).map(say).join("; ")
    }), expected runs that measured the same`,
  );
}
