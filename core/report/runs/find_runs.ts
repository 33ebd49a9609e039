/** The runs that a report is of: folders of runs, and those of a sweep with their variants and seeds. @module */
import { UserError } from "../../error.ts";
import { exists, isFolder, isSamePlace, readJsonObject } from "../../files/io.ts";
import { join, withoutTrailing } from "../../files/path.ts";
import { RunReader, type RunView } from "../../run/run_reader.ts";
import { runPaths } from "../../run/run_paths.ts";
import { isRecord, quote } from "../../values.ts";

/** A run of a report. */
export interface FoundRun {
  /** Its folder. */
  dir: string;
  view: RunView;
  /** The sweep that it is of; null if it was named by itself. */
  sweep: { dir: string; variant: string } | null;
  /** Seed of its training and sampling; null if the settings do not tell it. */
  seed: string | null;
}

/** Files of a folder that is a run. */
const OWN = ["metrics", "summary", "settings", "stage"] as const;

/**
 * Reads the runs in `dirs`, each a run's folder or a sweep's; `onLeftOut` gets a sentence about each of a sweep's that
 * failed before it began. Throws a UserError for a folder that is neither.
 */
export async function findRuns(
  dirs: readonly string[],
  { onLeftOut = () => {} }: { onLeftOut?: (line: string) => void } = {},
): Promise<FoundRun[]> {
  const found: FoundRun[] = [];
  for (const dir of dirs.map(withoutTrailing)) {
    if (await exists(join(dir, "sweep.json"))) found.push(...await runsOfSweep(dir, onLeftOut));
    else if (await isRun(dir)) found.push(await readOne(dir, null));
    else {
      const is = await isFolder(dir) ? "holds neither a run nor a sweep" : "is no folder";
      throw new UserError(`Cannot report on ${dir}: it ${is}, expected a folder of \`dnpo train\` or \`dnpo sweep\``);
    }
  }
  for (const [i, { dir }] of found.entries()) {
    for (const other of found.slice(0, i)) {
      if (dir !== other.dir && !await isSamePlace(dir, other.dir)) continue;
      throw new UserError(`Cannot report on ${dir}: it is named twice, expected each run once`);
    }
  }
  return found;
}

async function isRun(dir: string): Promise<boolean> {
  const paths = runPaths(dir);
  for (const key of OWN) if (await exists(paths[key])) return true;
  return false;
}

async function readOne(dir: string, sweep: FoundRun["sweep"]): Promise<FoundRun> {
  const view = await new RunReader(dir).read();
  return { dir, view, sweep, seed: seedOf(view) };
}

/** The runs that sweep.json lists, which are those that ended. */
async function runsOfSweep(dir: string, onLeftOut: (line: string) => void): Promise<FoundRun[]> {
  const path = join(dir, "sweep.json");
  const { runs } = await readJsonObject(path);
  const wrong = (what: string): UserError => new UserError(`Cannot report on ${dir}: ${path} ${what}`);
  if (!Array.isArray(runs) || runs.length === 0) throw wrong("lists no run, expected those that have ended");
  const found: FoundRun[] = [];
  for (const [i, run] of runs.entries()) {
    const { variant, seed, dir: was, problem } = isRecord(run) ? run : {};
    if (typeof variant !== "string" || typeof was !== "string" || !(seed === null || typeof seed === "number")) {
      throw wrong(`has ${quote(run)} as runs[${i}], expected its variant, seed and dir`);
    }
    // A sweep may have been moved, or be looked at from elsewhere: its runs are within it.
    const depth = Number(variant !== "") + Number(seed !== null);
    const within = join(dir, ...was.split("/").filter((part) => part !== "").slice(-depth));
    const place = depth > 0 && await isRun(within) ? within : was;
    if (!await isRun(place)) {
      if (typeof problem !== "string") throw wrong(`lists the run ${was}, which is not there`);
      // What is checked before a run begins leaves no settings.
      onLeftOut(`The run ${was} failed before it began: ${problem}.`);
      continue;
    }
    const one = await readOne(place, { dir, variant });
    found.push(seed === null ? one : { ...one, seed: String(seed) });
  }
  if (found.length === 0) throw wrong("lists only runs that failed before they began, expected one with numbers");
  return found;
}

/** The seeds of training and generation, in this order; one where they are the same. */
function seedOf({ config: { training, generation } }: RunView): string | null {
  const seeds = [training, generation].flatMap((part) => isRecord(part) && part.seed !== undefined ? [part.seed] : []);
  const texts = [...new Set(seeds.map(String))];
  return texts.length === 0 ? null : texts.join(", ");
}
