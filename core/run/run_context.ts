/** What every stage of a run needs: the device, the settings, the run's folder, and whom to tell. @module */
import { Commands } from "../../kernels/device/commands.ts";
import type { Device } from "../../kernels/device/device.ts";
import type { ResolvedConfig, Stage } from "../config/config.ts";
import { openRunDevice } from "../device/run_device.ts";
import { makeFolder } from "../files/atomic.ts";
import type { OnProgress } from "../progress.ts";
import { lockFolder } from "./run_lock.ts";
import { RunSources } from "./run_sources.ts";
import { openTelemetry, type Telemetry } from "./telemetry.ts";

/** How a caller is told what happens, and tells the run to stop. */
export interface RunHooks {
  /** Progress of long work. */
  onProgress?: OnProgress;
  /** A line worth reading: counts, results, warnings. */
  onNote?: (line: string) => void;
  /** Aborted where the run is to stop at the next step and be resumable. */
  signal?: AbortSignal;
  /** Whether the verifier module that the config names may run (default true). */
  allowVerifier?: boolean;
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
  /** What the config's names of models and data sets stand for. */
  readonly sources: RunSources;
  readonly telemetry: Telemetry;
}

/** Thrown by a stage that was stopped by its signal; what is done is saved. */
export class StoppedError extends Error {
  override readonly name = "StoppedError";
}

/**
 * Opens run folder, sources and device for a stage, runs `work`, and gives them back. Throws UserError, DeviceError, or
 * StoppedError where the signal stopped a download.
 */
export async function withRun<T>(
  config: ResolvedConfig,
  { stage, hooks }: { stage: Stage; hooks: RunHooks },
  work: (context: RunContext) => Promise<T>,
): Promise<T> {
  const { output_dir: folder } = config;
  await makeFolder(folder, { what: "the run's folder" });
  using _lock = await lockFolder(folder);
  return await withDevice(config, { stage, hooks, isRun: true }, work);
}

/** As {@linkcode withRun}, without making and locking the folder; unless `isRun`, nothing is read or kept there. */
export async function withDevice<T>(
  config: ResolvedConfig,
  { stage, hooks, isRun = false }: { stage: Stage; hooks: RunHooks; isRun?: boolean },
  work: (context: RunContext) => Promise<T>,
): Promise<T> {
  const sources = await RunSources.open(isRun ? config.output_dir : null, hooks);
  await sources.prepare(stage, config).catch((error) => {
    throw hooks.signal?.aborted ? new StoppedError("The run was stopped while it was downloading") : error;
  });
  const onNote = hooks.onNote ?? (() => {});
  const usesModel = stage !== "label" && stage !== "compare" && config.model !== undefined;
  const model = usesModel ? await sources.model(config.model!) : undefined;
  const device = await openRunDevice(config, { model, onNote, record: isRun });
  try {
    return await work({
      config,
      device,
      commands: new Commands(device),
      onProgress: hooks.onProgress ?? (() => {}),
      onNote,
      signal: hooks.signal ?? new AbortController().signal,
      allowVerifier: hooks.allowVerifier ?? true,
      sources,
      telemetry: await openTelemetry(),
    });
  } finally {
    device.destroy();
  }
}

/** Throws StoppedError where the run is to stop. */
export function throwIfStopped({ signal }: RunContext): void {
  if (signal.aborted) throw new StoppedError("The run was stopped");
}
