/** What every stage of a run needs: the device, the settings, the run's folder, and the caller's callbacks. @module */
import { Commands } from "../../kernels/device/commands.ts";
import type { Device } from "../../kernels/device/device.ts";
import type { Crew } from "../cluster/crew.ts";
import { heldShards } from "../cluster/shards.ts";
import type { ResolvedConfig } from "../config/config.ts";
import type { PlainValue } from "../data/formats/json_numbers.ts";
import { RowEncoder } from "../data/row_encoder.ts";
import { checkPrecision } from "../device/check_precision.ts";
import { type KernelRecord, openRunDevice, openToolDevice } from "../device/run_device.ts";
import { StoppedError } from "../error.ts";
import { makeFolder } from "../files/atomic.ts";
import { isFolder } from "../files/io.ts";
import { compileProgress, type OnProgress } from "../progress.ts";
import { meetCrew } from "./meet_crew.ts";
import { NoteRelay } from "./note_relay.ts";
import { RunChecksums } from "./run_checksums.ts";
import { RunJournal } from "./run_journal.ts";
import { lockFolder } from "./run_lock.ts";
import { runPaths } from "./run_paths.ts";
import { type Need, RunSources } from "./run_sources.ts";
import { checkSourcePlaces } from "./source_places.ts";
import { openTelemetry, type Telemetry } from "./telemetry.ts";
import { RunTrackers } from "./trackers/run_trackers.ts";
import { unlessRefused } from "./unbegun_run.ts";

/** The callbacks and switches by which a caller follows and stops a run. */
export interface RunHooks {
  /** Gets the progress of long work. */
  onProgress?: OnProgress;
  /** Gets lines worth reading: counts, results, warnings. */
  onNote?: (line: string) => void;
  /** Gets what is read of each data set, as soon as it was read and checked, which is before the device is opened. */
  onRows?: (read: RowsRead) => void;
  /** Gets the name of the device once it is opened. */
  onDevice?: (name: string) => void;
  /** Abort it to stop the run at the next step, so that it can be resumed. */
  signal?: AbortSignal;
  /** Whether the verifier module that the config names may run (default true). */
  allowVerifier?: boolean;
  /** Whether to begin anew: what the folder holds of the work is removed first, finished or not (default false). */
  force?: boolean;
  /** Scores an answer, for judge `function`: a finite number, larger is better; `true` is 1, `false` is 0. */
  judge?: (answer: JudgedAnswer) => number | boolean | Promise<number | boolean>;
  /**
   * The other ranks of a job, which work beside this process; `serveRank` is their side (default: there are none).
   *
   * @ignore
   */
  crew?: Crew;
}

/** A data set that was read, and what is left of it. */
export interface RowsRead {
  /** Its name. */
  name: string;
  /** Whether its rows are held out, and not trained on. */
  isHeldOut: boolean;
  /** What a row is: one answer to its prompt, or a chosen and a rejected one. */
  kind: "examples" | "pairs";
  /** Rows that were read, malformed ones aside. */
  rows: number;
  /** Rows that are used; the others are dropped, as notes say. */
  kept: number;
}

/** An answer to score. */
export interface JudgedAnswer {
  /** Prompt of the row, as text. */
  prompt: string;
  /** Answer to score. */
  response: string;
  /**
   * The row's own column `reference`, not the human answer; absent if it has none. Integers beyond 2⁵³ are bigints, and
   * `2.0` is 2.
   */
  reference?: PlainValue;
}

/** An opened run. */
export interface RunContext {
  readonly config: ResolvedConfig;
  readonly device: Device;
  readonly commands: Commands;
  readonly onProgress: OnProgress;
  readonly onNote: (line: string) => void;
  readonly signal: AbortSignal;
  /** To be called when a stage is done, so that those who follow the run take nothing more for it. */
  readonly onStageEnd: () => Promise<void>;
  readonly allowVerifier: boolean;
  /** The judge that the calling program gave; null if it gave none. */
  readonly judge: RunHooks["judge"] | null;
  /** The other ranks of the job; null: there are none. */
  readonly crew: Crew | null;
  /** Finds the files of the models and data sets that the config names. */
  readonly sources: RunSources;
  /** Checks what the run reads back of its own files. */
  readonly checksums: RunChecksums;
  readonly telemetry: Telemetry;
  /** What the config's `report_to` names; work without a folder logs nothing. */
  readonly trackers: RunTrackers;
  /** Encodes the rows of `data`, and keeps their ids between stages and iterations. */
  readonly encoder: RowEncoder;
}

/** What reading rows needs of an opened run; no device. */
export type RowContext = Pick<RunContext, "sources" | "encoder" | "checksums" | "onNote" | "signal">;

/** What of a run is open before its device is. */
export type FolderContext = Pick<RunContext, "config" | "onNote" | "sources" | "checksums">;

/** What is open where work is checked that is about to begin. */
export type CheckContext = FolderContext & RowContext;

/** What work on a device is opened with. */
export interface OpenOptions {
  /** The models and data sets that it reads, which are found before anything else is done. */
  needs: readonly Need[];
  hooks: RunHooks;
  /** Whether it trains, so that the device must have the precision of the config (default false). */
  trains?: boolean;
  /** The kernels that the device is to have, as if a run had begun with them (default: none). */
  kernels?: KernelRecord;
}

/** What a run is opened with. */
export interface OpenRunOptions<T> extends OpenOptions {
  /**
   * Throws a UserError if the folder holds other work; returns the result of work that is finished, which writes nothing,
   * or null. By default no work is.
   */
  finished?: (context: FolderContext) => Promise<T | null>;
  /**
   * Throws a UserError if what is left of the work, with `isAnew` all of it, cannot be read or loaded. It is called before
   * the device is opened, and before `remove`.
   */
  check?: (context: CheckContext, how: { isAnew: boolean }) => Promise<void>;
  /** Removes what the folder holds of the work, for `force`. */
  remove?: () => Promise<void>;
}

/**
 * Opens run folder, sources and device, runs `work`, and closes them; where the work is finished, only folder and
 * sources. A new run that is refused leaves no folder. Throws UserError, DeviceError, or StoppedError if the signal
 * stopped a download.
 */
export async function withRun<T>(
  config: ResolvedConfig,
  options: OpenRunOptions<T>,
  work: (context: RunContext) => Promise<T>,
): Promise<T> {
  const { output_dir: folder, distributed: { shards } } = config;
  const { needs, trains, hooks: { crew } } = options;
  if (trains && crew) heldShards(shards, crew.transport);
  await checkSourcePlaces(config, needs);
  const isMade = !await isFolder(folder);
  await makeFolder(folder, { what: "the run's folder" });
  using _lock = await lockFolder(folder);
  return await unlessRefused({ folder, isMade }, (begin) =>
    inFolder(config, options, (context) => {
      begin();
      return work(context);
    }));
}

/** As {@linkcode withRun}, in a folder that this process has locked. */
async function inFolder<T>(
  config: ResolvedConfig,
  { finished, check, remove, needs, trains = false, hooks: given }: OpenRunOptions<T>,
  work: (context: RunContext) => Promise<T>,
): Promise<T> {
  const { output_dir: folder } = config;
  using notes = new NoteRelay(given.onNote);
  const { onNote } = notes;
  const stop = new AbortController();
  const signal = given.signal ? AbortSignal.any([given.signal, stop.signal]) : stop.signal;
  const encoder = new RowEncoder({ signal });
  const hooks = { ...given, onNote, signal };
  const prepared = async (of: string | null): Promise<RunSources> => {
    const sources = await RunSources.open(of, hooks);
    await prepare(sources, { needs, hooks });
    return sources;
  };
  const checkAll = async (sources: RunSources, { isAnew }: { isAnew: boolean }): Promise<void> => {
    // The line that a command begins with comes first; it has the numbers of the rows.
    notes.hold();
    const checksums = await openChecksums(isAnew ? null : folder, { sources, onNote });
    await check?.({ config, sources, checksums, encoder, onNote, signal }, { isAnew });
  };
  let found: RunSources | null = null;
  if (hooks.force) {
    // Nothing is removed for work that cannot begin.
    found = await prepared(null);
    await checkAll(found, { isAnew: true });
    {
      using device = await openToolDevice(config);
      if (trains) checkPrecision(device, config.training.precision);
    }
    await remove?.();
  }
  const sources = found !== null && await found.keepIn(folder) ? found : await prepared(folder);
  const checksums = await openChecksums(folder, { sources, onNote });
  const done = await finished?.({ config, onNote, sources, checksums }) ?? null;
  if (done !== null) return done;
  await using journal = await RunJournal.open(folder, { ...given, signal, stop }, notes.told);
  notes.handTo(journal.onNote);
  return await journal.follow(async () => {
    try {
      if (!hooks.force) await checkAll(sources, { isAnew: false });
      const opened = { needs, trains, hooks, folder, journal, sources, checksums, encoder };
      return await withOpened(config, opened, (context) => {
        notes.release();
        return work(context);
      });
    } finally {
      notes.release();
    }
  });
}

/** As {@linkcode withRun}, but for work that has no folder. */
export async function withDevice<T>(
  config: ResolvedConfig,
  { needs, trains = false, kernels, hooks: given }: OpenOptions,
  work: (context: RunContext) => Promise<T>,
): Promise<T> {
  const { onNote = () => {}, signal = new AbortController().signal } = given;
  const hooks = { ...given, onNote: (line: string): void => onNote(line), signal };
  const sources = await RunSources.open(null, hooks);
  await prepare(sources, { needs, hooks });
  const checksums = await openChecksums(null, { sources, onNote });
  const encoder = new RowEncoder({ signal });
  return await withOpened(
    config,
    { needs, trains, kernels, hooks, folder: null, journal: null, sources, checksums, encoder },
    work,
  );
}

async function prepare(sources: RunSources, { needs, hooks }: OpenOptions): Promise<void> {
  await sources.prepare(needs).catch((error) => {
    throw hooks.signal?.aborted ? new StoppedError("The run was stopped while it was downloading") : error;
  });
}

async function openChecksums(
  folder: string | null,
  { sources, onNote }: Pick<RunContext, "sources" | "onNote">,
): Promise<RunChecksums> {
  return await RunChecksums.open(folder, { onNote, filesIn: (dir) => sources.filesIn(dir) });
}

async function withOpened<T>(
  config: ResolvedConfig,
  { needs, trains, kernels, hooks, folder, journal, ...opened }:
    & {
      needs: readonly Need[];
      trains: boolean;
      kernels?: KernelRecord | undefined;
      hooks: RunHooks & Pick<RunContext, "onNote" | "signal">;
    }
    & Pick<RunContext, "sources" | "checksums" | "encoder">
    & { folder: string | null; journal: RunJournal | null },
  work: (context: RunContext) => Promise<T>,
): Promise<T> {
  const { onNote, signal } = hooks;
  const name = needs.find((need) => need.kind === "model")?.name;
  using device = await openRunDevice(config, {
    model: name === config.model && name !== undefined ? await opened.sources.model(name) : undefined,
    onNote,
    ...(trains && { precision: config.training.precision }),
    record: folder === null ? null : runPaths(folder).kernels,
    ...(kernels && { kernels }),
  });
  hooks.onDevice?.(device.title);
  if (hooks.crew) await meetCrew(hooks.crew, { device, trains, onNote });
  // The journal keeps the stages of a run, of which this is none.
  if (hooks.onProgress) device.onBuilding = compileProgress(hooks.onProgress);
  using _watched = journal?.watch(device);
  using commands = new Commands(device);
  const trackers = new RunTrackers(config, onNote);
  const context: RunContext = {
    ...opened,
    config,
    device,
    commands,
    onProgress: journal?.onProgress ?? hooks.onProgress ?? (() => {}),
    onNote,
    signal,
    onStageEnd: async () => await journal?.endStage(),
    allowVerifier: hooks.allowVerifier ?? true,
    judge: hooks.judge ?? null,
    crew: hooks.crew ?? null,
    telemetry: await openTelemetry(),
    trackers,
  };
  return journal === null ? await work(context) : await trackers.follow(() => work(context));
}

/** Throws StoppedError if the run is to stop. */
export function throwIfStopped({ signal }: Pick<RunContext, "signal">): void {
  if (signal.aborted) throw new StoppedError("The run was stopped");
}
