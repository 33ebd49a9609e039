/** Reads a run's folder again and again, as it grows, for its page: whole files once, growing ones from where they grew. @module */
import { basename, resolve } from "node:path";
import { UserError } from "../error.ts";
import { GrowingLines } from "../files/growing_lines.ts";
import { exists, lastWritten, objectOf, readOptionalText } from "../files/io.ts";
import { readChecksums } from "./checksum_record.ts";
import { endOf, type LastEnd } from "./last_end.ts";
import { isEvaluationLine } from "./evaluation_line.ts";
import type { RunState } from "./list_runs.ts";
import { metricsOf, parseSettings, readSettings, readSummary, type RunRecord } from "./read_run.ts";
import type { LogLine, RunProgress } from "./run_journal.ts";
import { isLocked } from "./run_lock.ts";
import { iterationPaths, runPaths, stagePaths } from "./run_paths.ts";
import { stateAfter } from "./run_work.ts";
import { latestRows, type SampledRow, sampleRows } from "./sample_rows.ts";
import { StepStore } from "./step_store.ts";

/** A line of timings.jsonl. */
export interface StageTiming {
  /** From 0; −1 is the start. */
  iteration: number;
  stage: string;
  seconds: number;
  /** Tokens that were generated; absent of other stages. */
  tokens?: number;
  /** The most bytes that the device held; absent of old runs. */
  device_bytes?: number;
}

/** All that a run's page shows. */
export interface RunView extends RunRecord {
  /** The folder. */
  dir: string;
  /** As {@linkcode RunState} has it, of processes here. */
  state: RunState["state"];
  /** How the last process ended; null of a run without a log. */
  ended: LastEnd | null;
  /** The settings, parsed, with `stage` if a stage ran alone; empty if there are none. */
  config: Readonly<Record<string, unknown>>;
  /** Each of `steps` stands for so many; 1 unless there are very many. */
  stride: number;
  /** Held-out rows by iteration, from −1. */
  evaluated: ReadonlyMap<number, number>;
  timings: readonly StageTiming[];
  /** The device's name; null if it is not known. */
  device: string | null;
  /** The last lines of the log. */
  log: readonly LogLine[];
  /** When the first process began, and the versions; null of a run without a log. */
  began: Pick<Required<LogLine>, "at" | "begin"> | null;
  /** How far the process at work is; null while there is none, or it tells nothing. */
  progress: RunProgress | null;
  /** When something was last written, as ISO 8601 in UTC. */
  written: string;
  /** Rows with all their answers. */
  samples: readonly SampledRow[];
  /** The rows that were generated last, the newest first; empty unless the run is at it. */
  latest: readonly SampledRow[];
}

/** Log lines that are held. */
const MAX_LOG = 200;

const SAMPLES = 6;

/** Planned iterations that are looked for before anything is logged of them. */
const MAX_PLANNED = 1000;

/** A run that wrote something this long ago may be at work. */
const FRESH_MS = 5 * 60_000;

/** A run's folder, of which only what has changed is read again. */
export class RunReader {
  readonly #dir: string;
  readonly #paths: ReturnType<typeof runPaths>;
  readonly #steps = new StepStore();
  readonly #evals = new StepStore();
  readonly #stages = new Map<string, RunRecord["stages"][number]>();
  readonly #timings: StageTiming[] = [];
  readonly #log: LogLine[] = [];
  #began: RunView["began"] = null;
  #ended: LastEnd | null = null;
  readonly #growing: { metrics: GrowingLines; timings: GrowingLines; log: GrowingLines };
  readonly #kept = new Map<string, { stamp: string; value: unknown }>();
  #reading: Promise<RunView> | null = null;

  /** A reader of the run in `dir`, in which files may be missing. */
  constructor(dir: string) {
    this.#dir = dir;
    this.#paths = runPaths(dir);
    const { metrics, timings, log } = this.#paths;
    this.#growing = {
      metrics: new GrowingLines(metrics),
      timings: new GrowingLines(timings),
      log: new GrowingLines(log),
    };
  }

  /** Reads what has changed, once for all who ask meanwhile. Throws a UserError that names a malformed file. */
  async read(): Promise<RunView> {
    // Two that read on from one place would count the same lines twice.
    this.#reading ??= this.#read().finally(() => this.#reading = null);
    return await this.#reading;
  }

  async #read(): Promise<RunView> {
    await this.#readMetrics();
    await this.#readTimings();
    await this.#readLog();
    const paths = this.#paths;
    const { settings, config } = await this.#once([paths.settings, paths.stage], async () => {
      const settings = await readSettings(paths);
      return { settings, config: parseSettings(settings) };
    });
    const summary = await this.#once([paths.summary], () => readSummary(paths.summary));
    const checksums = await this.#once([paths.checksums], () => readChecksums(paths.checksums));
    const progress = progressOf(await readRecord(paths.progress));
    const kernels = await this.#once([paths.kernels], () => readRecord(paths.kernels));
    const written = await lastWritten([
      paths.metrics,
      paths.timings,
      paths.log,
      paths.summary,
      paths.settings,
      paths.stage,
      paths.progress,
    ]);
    const iterations = this.#iterations(config, progress);
    const ended = this.#ended;
    // Between stages there is no progress, however long it takes to load a model; a run without a log is an old one.
    const mayWork = progress !== null || ended?.end === null || Date.now() - written < FRESH_MS;
    const isAtWork = mayWork && await isLocked(this.#dir);
    const live = isAtWork ? progress : null;
    const evals = this.#evals.all();
    return {
      name: basename(resolve(this.#dir)),
      dir: this.#dir,
      settings,
      config,
      steps: this.#steps.all(),
      stride: this.#steps.stride,
      ...(evals.length > 0 && { evals }),
      stages: [...this.#stages.values()].sort((a, b) => a.iteration - b.iteration),
      ...summary,
      edited: Object.keys(checksums?.edited ?? {}).sort(),
      state: await this.#isDone(config, summary) ? "done" : isAtWork ? "running" : await stateAfter(this.#dir, ended),
      ended,
      evaluated: await this.#evaluated(iterations, summary.iterations),
      timings: this.#timings,
      device: typeof kernels?.adapter === "string" ? kernels.adapter : null,
      log: this.#log,
      began: this.#began,
      progress: live,
      written: new Date(written).toISOString(),
      samples: await this.#samples(iterations),
      latest: live?.stage === "generate" ? await latestRows(this.#dir, live.iteration ?? 0, SAMPLES) : [],
    };
  }

  async #readMetrics(): Promise<void> {
    await this.#growing.metrics.read({
      onRestart: () => {
        this.#steps.clear();
        this.#evals.clear();
        this.#stages.clear();
      },
      onLine: (text, number) => {
        const where = `${this.#paths.metrics}:${number}`;
        const { iteration, stage, step, values } = metricsOf(
          json(text, where) as Parameters<typeof metricsOf>[0],
          where,
        );
        // A run that was resumed may log a step again: the last line counts.
        if (stage !== undefined) this.#stages.set(`${iteration} ${stage}`, { iteration, stage, values });
        else if (step === undefined) return;
        else if (isEvaluationLine(values)) this.#evals.add({ iteration, step, values });
        else this.#steps.add({ iteration, step, values });
      },
    });
  }

  async #readTimings(): Promise<void> {
    await this.#growing.timings.read({
      onRestart: () => this.#timings.length = 0,
      onLine: (text, number) => {
        const line = json(text, `${this.#paths.timings}:${number}`);
        if (typeof line.seconds !== "number" || typeof line.stage !== "string") return;
        this.#timings.push(line as unknown as StageTiming);
      },
    });
  }

  async #readLog(): Promise<void> {
    await this.#growing.log.read({
      onRestart: () => {
        this.#log.length = 0;
        this.#began = this.#ended = null;
      },
      onLine: (text) => {
        // A process that was killed, or a full disk, may have torn a line of the log: what is lost is lost.
        const line = text === null ? null : objectOf(text);
        if (line === null || !isMoment(line.at)) return;
        const entry = line as unknown as LogLine;
        if (entry.begin) this.#began ??= { at: entry.at, begin: entry.begin };
        this.#ended = endOf([entry]) ?? this.#ended;
        this.#log.push(entry);
        if (this.#log.length > MAX_LOG) this.#log.shift();
      },
    });
  }

  /** The iterations that may have files, ascending: those that are planned, and those that something was logged of. */
  #iterations({ iterations: planned, iteration: own }: RunView["config"], progress: RunProgress | null): number[] {
    const first = typeof planned === "number" ? Math.min(planned, MAX_PLANNED) : 1;
    const logged = [...this.#stages.values(), ...this.#timings].map(({ iteration }) => iteration);
    const known = new Set([...Array.from({ length: first }, (_, k) => k), own, progress?.iteration, ...logged]);
    // Of an iteration that was not begun there is nothing, so that numbers in between need not be looked for.
    return [...known].filter((k): k is number => typeof k === "number" && Number.isSafeInteger(k) && k >= 0)
      .sort((a, b) => a - b);
  }

  async #evaluated(iterations: readonly number[], made: RunRecord["iterations"]): Promise<Map<number, number>> {
    const rows = new Map(
      made.flatMap(({ iteration, values: { eval_rows: count } }) => count === undefined ? [] : [[iteration, count]]),
    );
    for (const k of [-1, ...iterations]) {
      const { evaluation: path } = k === -1 ? stagePaths(this.#dir) : iterationPaths(this.#dir, k);
      const found = await this.#once([path], () => readRecord(path));
      if (typeof found?.rows === "number") rows.set(k, found.rows);
    }
    return rows;
  }

  async #samples(iterations: readonly number[]): Promise<readonly SampledRow[]> {
    const paths = iterations.map((k) => iterationPaths(this.#dir, k))
      .flatMap(({ responses, pairs }) => [responses, pairs]);
    return await this.#once([...paths, stagePaths(this.#dir).pairs], async () => {
      const there = [];
      for (const k of iterations) if (await exists(iterationPaths(this.#dir, k).responses)) there.push(k);
      return await sampleRows(this.#dir, { iterations: there, count: SAMPLES });
    });
  }

  async #isDone(
    { iterations: planned }: RunView["config"],
    { iterations: made, endedAfter }: Pick<RunRecord, "iterations" | "endedAfter">,
  ): Promise<boolean> {
    const { model, adapter } = this.#paths;
    if (!await exists(model) && !await exists(adapter)) return false;
    return typeof planned !== "number" || endedAfter !== undefined ||
      made.filter(({ iteration }) => iteration >= 0).length >= planned;
  }

  /** What `make` made while none of the files changes. */
  async #once<T>(paths: readonly string[], make: () => Promise<T>): Promise<T> {
    const stamps = await Promise.all(
      paths.map((path) =>
        Deno.stat(path).then(({ mtime, size, ino }) => `${mtime?.getTime()} ${size} ${ino}`, () => "")
      ),
    );
    const [key, stamp] = [paths.join("\n"), stamps.join("\n")];
    const kept = this.#kept.get(key);
    if (kept?.stamp === stamp) return kept.value as T;
    const value = await make();
    this.#kept.set(key, { stamp, value });
    return value;
  }
}

/** What progress.json holds, if it is what this program writes. */
function progressOf(record: Record<string, unknown> | null): RunProgress | null {
  if (record === null || !isMoment(record.at) || typeof record.stage !== "string") return null;
  const { at: _, stage: __, unit: ___, ...numbers } = record;
  const isWhole = ["done", "total", "seconds", "before"].every((key) => key in numbers);
  return isWhole && Object.values(numbers).every((value) => typeof value === "number")
    ? record as unknown as RunProgress
    : null;
}

function isMoment(value: unknown): boolean {
  return typeof value === "string" && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value);
}

function json(text: string | null, where: string): Record<string, unknown> {
  const value = text === null ? null : objectOf(text);
  if (value !== null) return value;
  throw new UserError(`Cannot read ${where}: it is no JSON object, expected one`);
}

/** A small JSON file that this program wrote; null if it is not there, or is none. */
async function readRecord(path: string): Promise<Record<string, unknown> | null> {
  const text = await readOptionalText(path).catch(() => null);
  return text === null ? null : objectOf(text);
}
