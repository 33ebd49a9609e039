/** Runs that differ in their seeds alone are one variant. @module */
import { isRecord } from "../../values.ts";
import { basename } from "../../files/path.ts";
import type { FoundRun } from "./find_runs.ts";
import { type Part, partOf } from "./parts.ts";

/** A variant: runs whose settings are the same but for their seeds. */
export interface RunGroup<Run extends FoundRun = FoundRun> {
  /** Its name, which no other variant of the report has. */
  name: string;
  /** What of the method it has; null if its settings do not tell. */
  part: Part | null;
  /** Its place in the report, which gives its colour. */
  place: number;
  /** At least one; no two of them have the same seed. */
  runs: readonly Run[];
}

/** The most characters of a name in a legend, which has to fit into a narrow page. */
const LEGEND = 34;

/** The variants, in the order of their first runs. */
export function groupRuns<Run extends FoundRun>(runs: readonly Run[]): RunGroup<Run>[] {
  const groups: { key: string; runs: Run[] }[] = [];
  for (const run of runs) {
    const key = keyOf(run);
    // Two runs of one seed are no two draws.
    const home = groups.find((group) =>
      group.key === key && run.seed !== null && group.runs.every(({ seed }) => seed !== null && seed !== run.seed)
    );
    if (home) home.runs.push(run);
    else groups.push({ key, runs: [run] });
  }
  const names = uniqueNames(groups.map(({ runs }) => [nameOf(runs), ...longerNames(runs)]));
  return groups.map(({ runs }, place) => ({ name: names[place]!, part: partOf(runs[0]!.view), place, runs }));
}

/** What runs of one variant have in common, as text. */
function keyOf({ sweep, view, dir }: FoundRun): string {
  if (sweep !== null) return JSON.stringify(["sweep", sweep.dir, sweep.variant]);
  const { output_dir: _, training, generation, ...rest } = view.config;
  // Of a folder without settings nothing tells what it is a variant of.
  if (Object.keys(view.config).length === 0) return JSON.stringify(["folder", dir]);
  return JSON.stringify(["settings", rest, withoutSeed(training), withoutSeed(generation)]);
}

function withoutSeed(section: unknown): unknown {
  if (!isRecord(section)) return section ?? null;
  const { seed: _, ...rest } = section;
  return rest;
}

function nameOf([first, ...others]: readonly FoundRun[]): string {
  const { sweep, dir } = first!;
  if (sweep !== null) return sweep.variant || basename(sweep.dir);
  const names = [dir, ...others.map(({ dir }) => dir)].map(basename);
  if (others.length === 0) return names[0]!;
  let common = names[0]!;
  while (!names.every((name) => name.startsWith(common))) common = common.slice(0, -1);
  const stem = common.replace(/[-_. ]*(seed|s)?[-_. =]*$/i, "");
  return stem === "" ? `${names[0]} and ${others.length} more` : stem;
}

/** What else it may be called, the shortest first: with the folders that it lies in, at last all of them. */
function longerNames([first]: readonly FoundRun[]): string[] {
  const { sweep, dir } = first!;
  if (sweep !== null) return [basename(sweep.dir), sweep.dir].map((of) => `${of}: ${sweep.variant || "the config"}`);
  const parts = dir.split("/");
  return parts.slice(1).map((_, i) => parts.slice(-i - 2).join("/"));
}

/** The first names of each that no other has, or numbered ones where there is none. */
function uniqueNames(names: readonly (readonly string[])[]): string[] {
  const most = Math.max(...names.map(({ length }) => length));
  const levels = Array.from({ length: most }, (_, level) => names.map((own) => own[Math.min(level, own.length - 1)]!));
  const isOnly = (all: readonly string[], name: string): boolean => all.filter((other) => other === name).length === 1;
  const found = names.map((own, i) => levels.find((all) => isOnly(all, all[i]!))?.[i] ?? own.at(-1)!);
  return found.map((name, i) =>
    isOnly(found, name) ? name : `${name} (${found.slice(0, i + 1).filter((other) => other === name).length})`
  );
}

/** The names of variants in legends: cut where they are long, and still different. */
export function legendNames(groups: readonly RunGroup[]): string[] {
  const seeds = groups.some(({ runs }) => runs.length > 1);
  const cut = groups.map(({ name }) => name.length <= LEGEND ? name : `${name.slice(0, LEGEND - 1)}…`);
  return groups.map(({ runs, place }, i) => {
    const isTwin = cut.some((other, j) => j !== i && other === cut[i]);
    return `${isTwin ? `${place + 1}: ` : ""}${cut[i]}${seeds ? ` (n = ${runs.length})` : ""}`;
  });
}
