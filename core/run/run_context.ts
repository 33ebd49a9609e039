/** What every stage of a run needs: the device, the settings, the run's folder, and the caller's callbacks. @module */
import { Commands } from "../../kernels/device/commands.ts";
import type { Device } from "../../kernels/device/device.ts";
import type { ResolvedConfig } from "../config/config.ts";
import type { PlainValue } from "../data/formats/json_numbers.ts";
import { RowEncoder } from "../data/row_encoder.ts";
import { openRunDevice } from "../device/run_device.ts";
import { StoppedError } from "../error.ts";
import { makeFolder } from "../files/atomic.ts";
import type { OnProgress } from "../progress.ts";
import { RunChecksums } from "./run_checksums.ts";
import { lockFolder } from "./run_lock.ts";
import { runPaths } from "./run_paths.ts";
import { type Need, RunSources } from "./run_sources.ts";
import { checkSourcePlaces } from "./source_places.ts";
import { openTelemetry, type Telemetry } from "./telemetry.ts";

/** The callbacks and switches by which a caller follows and stops a run. */
export interface RunHooks {
  /** Gets the progress of long work. */
  onProgress?: OnProgress;
  /** Gets lines worth reading: counts, results, warnings. */
  onNote?: (line: string) => void;
  /** Gets the name of the device once it is opened. */
  onDevice?: (name: string) => void;
  /** Abort it to stop the run at the next step, so that it can be resumed. */
  signal?: AbortSignal;
  /** Whether the verifier module that the config names may run (default true). */
  allowVerifier?: boolean;
  /** Scores an answer, for judge `function`: a finite number, larger is better; `true` is 1, `false` is 0. */
  judge?: (answer: JudgedAnswer) => number | boolean | Promise<number | boolean>;
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
  readonly allowVerifier: boolean;
  /** The judge that the calling program gave; null if it gave none. */
  readonly judge: RunHooks["judge"] | null;
  /** Finds the files of the models and data sets that the config names. */
  readonly sources: RunSources;
  /** Checks what the run reads back of its own files. */
  readonly checksums: RunChecksums;
  readonly telemetry: Telemetry;
  /** Encodes the rows of `data`, and keeps their ids between stages and iterations. */
  readonly encoder: RowEncoder;
}

/** What a run is opened with. */
export interface OpenRunOptions {
  /** The models and data sets that it reads, which are found before anything else is done. */
  needs: readonly Need[];
  hooks: RunHooks;
}

/**
 * Opens run folder, sources and device, runs `work`, and closes them. Throws UserError, DeviceError, or StoppedError if
 * the signal stopped a download.
 */
export async function withRun<T>(
  config: ResolvedConfig,
  options: OpenRunOptions,
  work: (context: RunContext) => Promise<T>,
): Promise<T> {
  const { output_dir: folder } = config;
  await checkSourcePlaces(config, options.needs);
  await makeFolder(folder, { what: "the run's folder" });
  using _lock = await lockFolder(folder);
  return await withDevice(config, { ...options, folder }, work);
}

/**
 * As {@linkcode withRun}, but without making and locking a folder. If `folder` is given, the sources and kernel
 * variants of its run are read from there, and kept there.
 */
export async function withDevice<T>(
  config: ResolvedConfig,
  { needs, hooks, folder = null }: OpenRunOptions & { folder?: string | null },
  work: (context: RunContext) => Promise<T>,
): Promise<T> {
  const sources = await RunSources.open(folder, hooks);
  await sources.prepare(needs).catch((error) => {
    throw hooks.signal?.aborted ? new StoppedError("The run was stopped while it was downloading") : error;
  });
  const onNote = hooks.onNote ?? (() => {});
  const name = needs.find((need) => need.kind === "model")?.name;
  using device = await openRunDevice(config, {
    model: name === config.model && name !== undefined ? await sources.model(name) : undefined,
    onNote,
    record: folder === null ? null : runPaths(folder).kernels,
  });
  hooks.onDevice?.(device.info.description || device.name);
  using commands = new Commands(device);
  const signal = hooks.signal ?? new AbortController().signal;
  return await work({
    config,
    device,
    commands,
    onProgress: hooks.onProgress ?? (() => {}),
    onNote,
    signal,
    allowVerifier: hooks.allowVerifier ?? true,
    judge: hooks.judge ?? null,
    sources,
    checksums: await RunChecksums.open(folder, { onNote, filesIn: (dir) => sources.filesIn(dir) }),
    telemetry: await openTelemetry(),
    encoder: new RowEncoder({ signal }),
  });
}

/** Throws StoppedError if the run is to stop. */
export function throwIfStopped({ signal }: RunContext): void {
  if (signal.aborted) throw new StoppedError("The run was stopped");
}
