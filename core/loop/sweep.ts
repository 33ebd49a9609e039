/** A sweep: runs of one config with several settings and seeds, one after the other, and their numbers side by side. @module */
import { loadConfig, type ResolvedConfig } from "../config/config.ts";
import { UserError } from "../error.ts";
import { makeFolder, writeFileAtomic } from "../files/atomic.ts";
import { csvText } from "../files/csv_text.ts";
import { objectOf, readOptionalText } from "../files/io.ts";
import { join } from "../files/path.ts";
import { isRecord } from "../values.ts";
import type { IterationSummary, RunSummary } from "./run_summary.ts";
import { runPath, type Variant } from "./sweep_plan.ts";
import { train, type TrainHooks } from "./train_run.ts";

/** A run of a sweep. */
export interface SweepRun {
  /** Name of its variant; empty if nothing but the seed varies. */
  variant: string;
  /** Seed of its training and sampling; null if the config's are taken. */
  seed: number | null;
  /** Its folder. */
  dir: string;
  /** What summary.json says of its iterations, from −1 on; none of a run that failed. */
  iterations: IterationSummary[];
  /** Why it failed; absent if it did not. */
  problem?: string;
}

/** What a sweep runs. */
export interface SweepOptions {
  /** The settings that are tried. */
  variants: readonly Variant[];
  /** The seeds that each of them is run with, as training.seed and generation.seed; null: those of the config. */
  seeds: readonly number[] | null;
  /** `key=value` overrides that all runs share. */
  set?: readonly string[];
  /** More overrides of a seed's runs. It is called before that seed's first run. */
  setOfSeed?: (seed: number | null) => Promise<readonly string[]>;
  /** Folder of the sweep, in which each run has one. */
  dir: string;
}

/** The callbacks of {@linkcode sweep}. */
export interface SweepHooks extends Omit<TrainHooks, "onIteration"> {
  /** Gets a run before it begins. */
  onRun?: (run: { config: ResolvedConfig; name: string; index: number; total: number }) => void;
  /** Gets a run that has ended. */
  onDone?: (run: SweepRun) => void;
}

interface Point {
  variant: Variant;
  seed: number | null;
  dir: string;
}

/**
 * Runs `config` (a file) with each seed and variant, the seeds outermost, and returns all runs. A run that is finished
 * is only read, and one that was stopped goes on. Every config is checked before the first run begins. Leaves
 * DIR/sweep.json and DIR/sweep.csv, written after each run that changes them. A run that fails with a UserError, such as one whose loss is
 * no number, keeps the others from nothing: it has a `problem`, and is tried again the next time. Throws a UserError where
 * a config is wrong or every run fails, DeviceError, or StoppedError if the hooks' signal stopped it.
 *
 * @example
 * ```ts
 * import { sweep } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * const runs = await sweep("examples/quickstart/config.yaml", {
 *   variants: [0.05, 0.1].map((beta) => ({ name: `beta=${beta}`, set: [`training.beta=${beta}`] })),
 *   seeds: [1],
 *   set: ["data.limit=16", "data.eval=null", "training.max_steps=1", "iterations=1"],
 *   dir: await Deno.makeTempDir(),
 * });
 * assert.deepEqual(runs.map(({ variant, seed }) => `${variant}, ${seed}`), ["beta=0.05, 1", "beta=0.1, 1"]);
 * ```
 */
export async function sweep(config: string, options: SweepOptions, hooks: SweepHooks = {}): Promise<SweepRun[]> {
  const { variants, seeds, dir, set = [], setOfSeed = () => Promise.resolve([]) } = options;
  const { onRun, onDone, ...runHooks } = hooks;
  const points = (seeds ?? [null]).flatMap((seed) =>
    variants.map((variant): Point => ({ variant, seed, dir: join(dir, runPath(variant, seed)) }))
  );
  checkFolders(points, dir);
  const settingsOf = async ({ variant, seed, dir }: Point, ofSeed: readonly string[]): Promise<ResolvedConfig> => {
    const seeded = seed === null ? [] : [`training.seed=${seed}`, `generation.seed=${seed}`];
    const folder = `output_dir=${JSON.stringify(dir)}`;
    return await loadConfig(config, { set: [...set, ...ofSeed, ...seeded, ...variant.set, folder] });
  };
  for (const point of points) await named(point, async () => checkVaried(point, await settingsOf(point, [])));
  await makeFolder(dir);
  const before = await recordedRuns(join(dir, RECORD));
  noteOthers(before, points, hooks);
  const runs: SweepRun[] = [];
  let [seedAtHand, ofSeed]: [number | null | undefined, readonly string[]] = [undefined, []];
  for (const [index, point] of points.entries()) {
    const { variant, seed, dir: folder } = point;
    if (seedAtHand !== seed) [seedAtHand, ofSeed] = [seed, await setOfSeed(seed)];
    const settings = await named(point, () => settingsOf(point, ofSeed));
    onRun?.({ config: settings, name: nameOf(point), index, total: points.length });
    const run = { variant: variant.name, seed, dir: folder, ...await tried(() => train(settings, runHooks)) };
    runs.push(run);
    // Those that this process has not come to yet stay as they were.
    const left = points.slice(index + 1).flatMap((later): SweepRun[] => {
      const run = before.get(nameOf(later));
      // The folder may be called otherwise than it was, as from another working directory.
      return run === undefined ? [] : [{ ...run, dir: later.dir }];
    });
    const listed = [...runs, ...left];
    await writeOther(join(dir, RECORD), JSON.stringify({ config, set, runs: listed }, null, 2) + "\n");
    await writeOther(join(dir, "sweep.csv"), csvOf(listed));
    onDone?.(run);
  }
  if (runs.every(({ problem }) => problem !== undefined)) throw new UserError(problemsOf(runs));
  return runs;
}

/** The file of a sweep's runs. */
const RECORD = "sweep.json";

/** The runs of a sweep's record by their names; none if there is no such file, or it is another one. */
async function recordedRuns(path: string): Promise<Map<string, SweepRun>> {
  const runs = objectOf(await readOptionalText(path) ?? "")?.runs;
  const isRun = (run: unknown): run is SweepRun =>
    isRecord(run) && typeof run.dir === "string" && typeof run.variant === "string" &&
    (run.seed === null || typeof run.seed === "number") && Array.isArray(run.iterations) &&
    run.iterations.every(isRecord);
  const nameOfRun = ({ variant: name, seed }: SweepRun): string => nameOf({ variant: { name }, seed });
  return new Map((Array.isArray(runs) ? runs : []).filter(isRun).map((run) => [nameOfRun(run), run]));
}

/** Notes which runs of the record are none of this sweep's: they are not listed any more. */
function noteOthers(
  before: ReadonlyMap<string, SweepRun>,
  points: readonly Point[],
  { onNote }: Pick<SweepHooks, "onNote">,
): void {
  const own = new Set(points.map(nameOf));
  const others = [...before.keys()].filter((name) => !own.has(name));
  if (others.length === 0) return;
  const more = others.length > MOST_NAMED ? ` and ${others.length - MOST_NAMED} more` : "";
  onNote?.(
    `The folder has runs that are none of this sweep: ${
      others.slice(0, MOST_NAMED).join("; ")
    }${more}. They stay, and ` +
      "sweep.json and sweep.csv list them no more",
  );
}

/** Writes a file unless it says the same already. */
async function writeOther(path: string, text: string): Promise<void> {
  if (await readOptionalText(path) !== text) await writeFileAtomic(path, text);
}

/** The runs that failed, a line each, with their names; those that failed alike are told once. */
export function problemsOf(runs: readonly SweepRun[]): string[] {
  const failed = runs.filter(({ problem }) => problem !== undefined);
  return [...Map.groupBy(failed, ({ problem }) => problem!)].map(([problem, own]) => {
    const names = own.map(({ variant, seed }) => nameOf({ variant: { name: variant }, seed }));
    const more = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : "";
    return `${names.slice(0, MOST_NAMED).join("; ")}${more}: ${problem}`;
  });
}

/** The most runs that one problem names. */
const MOST_NAMED = 3;

/** The iterations of a run, or why it failed. */
async function tried(run: () => Promise<RunSummary>): Promise<Pick<SweepRun, "iterations" | "problem">> {
  try {
    return { iterations: (await run()).iterations };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { iterations: [], problem: error.message.replaceAll("\n", "; ") };
  }
}

/** What a run is called, such as `beta=0.1, seed 2`. */
function nameOf({ variant: { name }, seed }: { variant: Pick<Variant, "name">; seed: number | null }): string {
  return [name, seed === null ? "" : `seed ${seed}`].filter((part) => part !== "").join(", ");
}

/** Throws a UserError where two runs would share a folder. */
function checkFolders(points: readonly Point[], dir: string): void {
  const owners = new Map<string, Point>();
  for (const point of points) {
    const other = owners.get(point.dir);
    if (other) {
      const both = `${nameOf(other)} and ${nameOf(point)}`;
      throw new UserError(`Cannot sweep: ${both} would both lie in ${point.dir}, expected values whose names differ`);
    }
    owners.set(point.dir, point);
  }
  if (owners.has(dir)) throw new UserError("Cannot sweep: nothing varies, expected --vary or --seeds");
}

/** Throws a UserError where a variant says what the sweep itself sets: its runs would not be what they are called. */
function checkVaried({ variant: { set }, seed }: Point, { training, generation }: ResolvedConfig): void {
  const others = [training.seed, generation.seed].filter((other) => seed !== null && other !== seed);
  if (others.length > 0) {
    throw new UserError(`Cannot sweep: --vary makes the seed ${others[0]}, expected it of --seeds alone`);
  }
  if (set.some((entry) => entry.startsWith("output_dir="))) {
    throw new UserError("Cannot sweep: --vary has output_dir, expected -o, a folder in which each run has one");
  }
}

/** Runs `work`; each line of a UserError of it says first which run it is of. */
async function named<T>(point: Point, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(error.message.split("\n").map((line) => `${nameOf(point)}: ${line}`));
  }
}

/** A line for each iteration of each run, with all its numbers; what was not measured is empty. */
function csvOf(runs: readonly SweepRun[]): string {
  const keys = [...new Set(runs.flatMap(({ iterations }) => iterations.flatMap((summary) => Object.keys(summary))))]
    .filter((key) => key !== "iteration");
  const lines = runs.flatMap(({ variant, seed, iterations }) =>
    iterations.map((summary) => [
      variant,
      seed,
      summary.iteration,
      ...keys.map((key) => summary[key as keyof IterationSummary]),
    ])
  );
  return csvText([["variant", "seed", "iteration", ...keys], ...lines]);
}
