/** The runs that are watched: one, or those of a folder. @module */
import { basename, join, resolve } from "node:path";
import { UserError } from "../error.ts";
import { exists, isFolder, lastWritten, namesIn } from "../files/io.ts";
import { type ListedRun, MAX_LAID, overlayBlocks } from "../report/overlay_page.ts";
import { type PageBlocks, runBlocks } from "../report/run_page.ts";
import { runPaths } from "../run/run_paths.ts";
import { RunReader, type RunView } from "../run/run_reader.ts";

/** The most runs that a page lists. */
const MAX_LISTED = 100;

/** Runs whose lines are laid over one another if nobody chose. */
const LAID_AT_FIRST = 4;

/** The runs of a folder, each read on where it was read before. */
export class WatchedRuns {
  readonly #dir: string;
  readonly #readers = new Map<string, RunReader>();

  /** The runs in `dir`, or `dir` itself if it is one. */
  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Whether the folder is a run itself. */
  async isOne(): Promise<boolean> {
    return await isRun(this.#dir);
  }

  /** The folder of the run called `name`, or of the one that the folder is if it is null; null if there is none. */
  async find(name: string | null): Promise<string | null> {
    if (name === null) return await this.isOne() ? this.#dir : null;
    // A name is looked up among those that are there, so that none leads out of the folder.
    if (!(await namesIn(this.#dir)).includes(name)) return null;
    const dir = join(this.#dir, name);
    return await isRun(dir) ? dir : null;
  }

  /** What is known of a run now. Throws a UserError if a file is malformed. */
  async read(dir: string): Promise<RunView> {
    const reader = this.#readers.get(dir) ?? new RunReader(dir);
    this.#readers.set(dir, reader);
    return await reader.read();
  }

  /** The parts of a run's page. */
  async pageOf(dir: string): Promise<PageBlocks> {
    return runBlocks(await this.read(dir));
  }

  /** The parts of the page of all runs, with the lines of those called `chosen` (null: the latest). */
  async overlay(chosen: readonly string[] | null): Promise<PageBlocks> {
    const { names, more } = await this.#latest();
    const runs: ListedRun[] = [];
    for (const name of names) {
      try {
        runs.push({ name, view: await this.read(join(this.#dir, name)) });
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        runs.push({ name, view: null, problem: error.message });
      }
    }
    for (const dir of this.#readers.keys()) if (!names.includes(basename(dir))) this.#readers.delete(dir);
    const laid = chosen === null
      ? names.slice(0, LAID_AT_FIRST)
      : chosen.filter((name) => names.includes(name)).slice(0, MAX_LAID);
    return overlayBlocks({ dir: this.#dir, runs, laid, more });
  }

  /** Names of the runs that were written last, the latest first. */
  async #latest(): Promise<{ names: string[]; more: number }> {
    if (!await isFolder(this.#dir)) throw new UserError(`Cannot watch ${this.#dir}: there is no such folder any more`);
    const found: { name: string; at: number }[] = [];
    for (const name of await namesIn(this.#dir)) {
      const dir = join(this.#dir, name);
      const { metrics, summary, settings, stage, log } = runPaths(dir);
      if (await isRun(dir)) found.push({ name, at: await lastWritten([metrics, summary, settings, stage, log]) });
    }
    found.sort((a, b) => b.at - a.at || (a.name < b.name ? -1 : 1));
    return {
      names: found.slice(0, MAX_LISTED).map(({ name }) => name),
      more: Math.max(0, found.length - MAX_LISTED),
    };
  }
}

/** What a folder is called. */
export function folderName(dir: string): string {
  return basename(resolve(dir));
}

async function isRun(dir: string): Promise<boolean> {
  const { metrics, settings, stage, log } = runPaths(dir);
  for (const path of [metrics, settings, stage, log]) if (await exists(path)) return true;
  return false;
}
