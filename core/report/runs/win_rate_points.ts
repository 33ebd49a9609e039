/** Win rates of runs' iterations, from the files of `dnpo compare --iterations`. @module */
import { checkSameSettings } from "../../config/config.ts";
import { UserError } from "../../error.ts";
import { readWinRates, WIN_RATES, type WrittenIteration } from "../../evaluate/win_rates_file.ts";
import { exists, isFolder, isSamePlace, namesIn } from "../../files/io.ts";
import { join, withoutTrailing } from "../../files/path.ts";
import type { FoundRun } from "./find_runs.ts";
import { groupRuns, type RunGroup } from "./group_runs.ts";

/** Whom runs were compared with: the runs of a variant, or a model. */
export interface Opponent {
  /** The key of the win rate against it. */
  key: string;
  /** The variant's name, or the run or model as it was named. */
  name: string;
  /** The judges, and on what prompts. */
  judge: string;
  prompts: string;
}

/** An iteration of a run against an opponent. */
export interface WinRatePoint {
  /** Index of the run, and its folder. */
  run: number;
  dir: string;
  opponent: Opponent;
  /** The run or model that it was compared with, as it was named. */
  against: string;
  result: WrittenIteration;
}

/** The win rates of the runs of a report. */
export interface WinRatePoints {
  opponents: Opponent[];
  points: WinRatePoint[];
  /** Runs of comparisons that are none of the report's. */
  strangers: string[];
}

/** Reads the win rates in `folder`. Throws a UserError if there are none of these runs, or if they do not compare. */
export async function readWinRatePoints(folder: string, runs: readonly FoundRun[]): Promise<WinRatePoints> {
  const action = `Cannot report on the win rates in ${folder}`;
  if (!await isFolder(folder)) throw new UserError(`${action}: there is no such folder, expected ${WIN_RATES} in one`);
  const paths = await filesIn(folder);
  if (paths.length === 0) {
    throw new UserError(`${action}: it holds no ${WIN_RATES}, expected those of \`dnpo compare A B --iterations all\``);
  }
  const opponents = new Map<string, Opponent & { settings: unknown; path: string }>();
  const points: WinRatePoint[] = [];
  const strangers = new Set<string>();
  const compared = new Map<string, string>();
  for (const path of paths) {
    const { a, b, prompts, settings, iterations } = await readWinRates(path);
    const run = await indexOf(b, runs);
    if (run === null) {
      strangers.add(b);
      continue;
    }
    const name = await nameOf(a, runs);
    const key = `win_rate/${name}`;
    const judge = [...new Set(iterations.map(({ judge }) => judge))].join(", ");
    const opponent = opponents.get(key) ?? { key, name, judge, prompts, settings, path };
    opponents.set(key, opponent);
    checkSameSettings(opponent.settings, settings, {
      what: `the win rates against ${name} in ${path}`,
      file: opponent.path,
      advice: "compare both in one way, or name a folder with one of them",
    });
    const place = `${run} ${key}`;
    const other = compared.get(place);
    if (other !== undefined) {
      throw new UserError(
        `${action}: ${b} is compared with ${other} and ${a}, which are both ${name}, expected one of them (a run of the ` +
          "same seed)",
      );
    }
    compared.set(place, a);
    points.push(
      ...iterations.map((result): WinRatePoint => ({ run, dir: runs[run]!.dir, opponent, against: a, result })),
    );
  }
  if (points.length === 0) {
    throw new UserError(`${action}: they are of ${[...strangers].slice(0, 3).join(", ")}, expected one of these runs`);
  }
  return {
    opponents: [...opponents.values()].map(({ key, name, judge, prompts }) => ({ key, name, judge, prompts })),
    points,
    strangers: [...strangers],
  };
}

/** The variant of a point's run. */
export function variantOf<Group extends RunGroup>({ dir }: WinRatePoint, groups: readonly Group[]): Group {
  return groups.find(({ runs }) => runs.some((run) => run.dir === dir))!;
}

/** The files in a folder of comparisons, or of one. */
async function filesIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const within of [folder, ...(await namesIn(folder)).toSorted().map((name) => join(folder, name))]) {
    const path = join(within, WIN_RATES);
    if (await exists(path)) found.push(path);
  }
  return found;
}

async function indexOf(name: string, runs: readonly FoundRun[]): Promise<number | null> {
  for (const [i, { dir }] of runs.entries()) {
    if (join(withoutTrailing(name)) === join(dir) || await isSamePlace(name, dir)) return i;
  }
  return null;
}

/** The variant of a run of the report, which a seed of its own does not tell apart; or the name itself. */
async function nameOf(name: string, runs: readonly FoundRun[]): Promise<string> {
  const place = await indexOf(name, runs);
  return place === null ? name : groupRuns(runs).find((group) => group.runs.includes(runs[place]!))!.name;
}
