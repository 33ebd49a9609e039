/** What every stage of a run needs: the device, the settings, the run's folder, and whom to tell. @module */
import { join } from "node:path";
import { Commands } from "../../kernels/device/commands.ts";
import { type Device, openDevice } from "../../kernels/device/device.ts";
import { openModelFolder } from "../checkpoint/folder.ts";
import { explainIoError } from "../checkpoint/io.ts";
import { type ResolvedConfig, writeResolved } from "../config/mod.ts";
import { loadTokenizer, type Tokenizer } from "../data/tokenizer.ts";
import { UserError } from "../error.ts";
import type { OnProgress } from "../progress.ts";
import { lockFolder } from "./lock.ts";

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
}

/** Thrown by a stage that was stopped by its signal; what is done is saved. */
export class StoppedError extends Error {
  override readonly name = "StoppedError";
}

/** Opens device and run folder, runs `work`, and gives both back. Throws UserError or DeviceError. */
export async function withRun<T>(
  config: ResolvedConfig,
  hooks: RunHooks,
  work: (context: RunContext) => Promise<T>,
): Promise<T> {
  const { output_dir: folder } = config;
  try {
    await Deno.mkdir(folder, { recursive: true });
  } catch (error) {
    throw explainIoError(error, `Cannot make the run's folder ${folder}`);
  }
  using _lock = await lockFolder(folder);
  const device = await openDevice();
  try {
    return await work({
      config,
      device,
      commands: new Commands(device),
      onProgress: hooks.onProgress ?? (() => {}),
      onNote: hooks.onNote ?? (() => {}),
      signal: hooks.signal ?? new AbortController().signal,
      allowVerifier: hooks.allowVerifier ?? true,
    });
  } finally {
    device.destroy();
  }
}

/** Throws StoppedError where the run is to stop. */
export function throwIfStopped({ signal }: RunContext): void {
  if (signal.aborted) throw new StoppedError("The run was stopped");
}

/** The tokenizer of a model folder, or null where it has none (rows of token ids need none). */
export async function tokenizerOf(dir: string): Promise<Tokenizer | null> {
  const { tokenizerFiles } = await openModelFolder(dir);
  return tokenizerFiles.some((path) => path.endsWith("tokenizer.json")) ? await loadTokenizer(dir) : null;
}

/** Keys that may differ when a run goes on: how far it goes, not what it computes. */
const MAY_DIFFER = ["iterations", "output_dir"];

/**
 * Writes the resolved settings into the run's folder; where they are there already, throws a UserError naming the first
 * key that differs, since a run that goes on with other settings would be neither the one nor the other.
 */
export async function fixSettings(
  { output_dir: folder, ...settings }: ResolvedConfig,
  { parse, write }: { parse: (text: string) => unknown; write: (path: string, text: string) => Promise<void> },
): Promise<void> {
  const path = join(folder, "config.yaml");
  const text = writeResolved({ output_dir: folder, ...settings });
  let before: string;
  try {
    before = await Deno.readTextFile(path);
  } catch {
    return await write(path, text);
  }
  const difference = firstDifference(parse(before), parse(text), []);
  if (difference) {
    const { key, was, is } = difference;
    throw new UserError(
      `Cannot go on with the run in ${folder}: ${key} is ${JSON.stringify(is) ?? "not set"}, expected ${
        JSON.stringify(was) ?? "not set"
      } as in ${path}; give another output_dir or delete the folder`,
    );
  }
  if (before !== text) await write(path, text);
}

function firstDifference(
  was: unknown,
  is: unknown,
  path: readonly string[],
): { key: string; was: unknown; is: unknown } | null {
  if (typeof was === "object" && typeof is === "object" && was && is && !Array.isArray(was) && !Array.isArray(is)) {
    const [a, b] = [was as Record<string, unknown>, is as Record<string, unknown>];
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      if (path.length === 0 && MAY_DIFFER.includes(key)) continue;
      const found = firstDifference(a[key], b[key], [...path, key]);
      if (found) return found;
    }
    return null;
  }
  return JSON.stringify(was) === JSON.stringify(is) ? null : { key: path.join("."), was, is };
}
