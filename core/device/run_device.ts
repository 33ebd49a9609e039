/** The device of a run, with the kernel variants that the run began with. @module */
import type { Device } from "../../kernels/device/device.ts";
import type { MatmulPrecision } from "../../kernels/device/precision.ts";
import type { DeviceFamily, Tuning } from "../../kernels/device/tuning.ts";
import { tune } from "../../kernels/tune.ts";
import type { ResolvedConfig } from "../config/config.ts";
import type { WebGpuChoice } from "../config/choices.ts";
import { UserError } from "../error.ts";
import { writeFileAtomic } from "../files/atomic.ts";
import { exists, readJsonObject } from "../files/io.ts";
import { join } from "../files/path.ts";
import { WARNING } from "../progress.ts";
import { isRecord } from "../values.ts";
import { checkPrecision } from "./check_precision.ts";
import { cpuSeconds } from "./cpu_clock.ts";
import { openDevice } from "./open_device.ts";
import {
  isTuning,
  isVectorWidth,
  kernelCacheFolder,
  readCachedTuning,
  readVectorWidth,
  tunedDevice,
  vectorBits,
  type WidthRate,
  writeCachedTuning,
} from "./tuning_cache.ts";
import { measureWidths } from "./vector_width.ts";
import { type DeviceSettings, environmentWidth, type WantedDevice, wantedDevice } from "./wanted_device.ts";

/** Least bytes of weights for which measuring pays: a smaller model gains less time than measuring takes. */
const WORTH_TUNING_BYTES = 8 * 1024 * 1024;

/** The record of a run's kernels. */
export interface KernelRecord {
  /** The adapter on which the run began. */
  adapter: string;
  /** The WebGPU on which the run began. */
  webgpu: Exclude<WebGpuChoice, "auto">;
  /** LP_NATIVE_VECTOR_WIDTH of the run; null: the driver's own. */
  vector_width: number | null;
  /** The family of the kernels that are not tuned. */
  family: DeviceFamily;
  /** The variants; null: the fixed default. */
  tuning: Tuning | null;
}

/** What {@linkcode openRunDevice} needs besides the config. */
export interface RunDeviceOptions {
  /** Folder of the run's model; undefined if the stage has none. */
  model: string | undefined;
  /** How exactly the products of training are computed; absent where nothing is trained. */
  precision?: MatmulPrecision;
  /** File of the run's record; null if there is no run. */
  record: string | null;
  /** The record where it is in no file. */
  kernels?: KernelRecord;
  /** Gets a note about a measurement, or about a run that is continued on another device. */
  onNote: (line: string) => void;
}

/**
 * Opens the device for a run. If the run has begun, its kernel variants are those of its record. Otherwise they are
 * those of this machine's cache, which is filled by measuring if `autotune` is set and the model is large enough.
 * Throws DeviceError, or a UserError for a record that cannot be read, or a precision that the device does not have.
 */
export async function openRunDevice(config: ResolvedConfig, options: RunDeviceOptions): Promise<Device> {
  const { onNote, record: path, precision = "float32" } = options;
  const before = options.kernels ?? (path === null ? null : await readRecord(path));
  if (before === null && config.autotune) await measureWidthsOnce(config, options);
  const wanted = await wantedDevice(config);
  if (wanted.webgpu === "auto" && before?.webgpu === "deno") wanted.webgpu = "deno";
  const asked = before ? before.vector_width : wanted.vectorWidth;
  // Opening sets the variable.
  const ownWidth = environmentWidth();
  const device = await openAsBegun(before, { ...wanted, vectorWidth: asked }, onNote);
  try {
    checkPrecision(device, precision);
    const adapter = device.name;
    const bits = vectorBits(adapter);
    // If another device of this process has loaded the driver, it keeps to the width that it was loaded with.
    const width = asked && (bits ?? asked);
    if (before?.adapter === adapter && ownWidth !== null && bits !== null && bits !== ownWidth) {
      onNote(`The run goes on with vectors of ${bits} bits, as it began: LP_NATIVE_VECTOR_WIDTH is ${ownWidth}`);
    }
    if (before?.adapter === adapter && before.family === device.family) {
      device.tuning = before.tuning;
      return device;
    }
    if (config.autotune) device.tuning = await tuningFor(device, options);
    if (before) {
      onNote(otherKernels(before, { adapter, family: device.family }));
      return device;
    }
    if (path === null) return device;
    await writeFileAtomic(path, JSON.stringify({ ...kernelsOf(device), vector_width: width }, null, 2) + "\n");
    return device;
  } catch (error) {
    device.destroy();
    throw error;
  }
}

/** Opens a device; on the adapter that a run began on, with the run's family of kernels unless DNPO_KERNELS names one. */
async function openAsBegun(
  before: KernelRecord | null,
  wanted: WantedDevice,
  onNote: RunDeviceOptions["onNote"],
): Promise<Device> {
  const device = await openDevice(wanted);
  if (before === null || wanted.family !== undefined) return device;
  if (device.name !== before.adapter || device.family === before.family) return device;
  device.destroy();
  onNote(`The run goes on with the ${before.family} kernels that it began with, though DNPO_KERNELS is not set`);
  return await openDevice({ ...wanted, family: before.family });
}

/** Warns that a run goes on with other kernels than it began with: on another adapter, or as DNPO_KERNELS says. */
function otherKernels(was: KernelRecord, is: Pick<KernelRecord, "adapter" | "family">): string {
  const change = was.adapter === is.adapter
    ? `with ${was.family} kernels, and goes on with ${is.family} ones, as DNPO_KERNELS says`
    : `with kernels for ${was.adapter} (${was.family}), and goes on with those for ${is.adapter} (${is.family})`;
  return `${WARNING}the run began ${change}: the last digits will differ`;
}

/** The kernels of a device, for another process that is to have the same. */
export function kernelsOf({ name: adapter, webGpu, family, tuning }: Device): KernelRecord {
  return { adapter, webgpu: webGpu === undefined ? "deno" : "dawn", vector_width: vectorBits(adapter), family, tuning };
}

/**
 * Opens the device for work that belongs to no run: with the variants of this machine's cache, like a run that begins
 * now, but without measuring. Throws DeviceError.
 */
export async function openToolDevice(settings: DeviceSettings = {}): Promise<Device> {
  const { autotune = true } = settings;
  const device = await openDevice(await wantedDevice(settings));
  if (autotune) device.tuning = (await readCachedTuning(device))?.tuning ?? null;
  return device;
}

/** Measures on lavapipe which vector width is the fastest, for the first run that is worth it. */
async function measureWidthsOnce(settings: DeviceSettings, { model, onNote }: RunDeviceOptions): Promise<void> {
  if (environmentWidth() !== null || await readVectorWidth() !== undefined || !await isWorthTuning(model)) return;
  try {
    const { vectorWidth: _, ...wanted } = await wantedDevice(settings);
    const { measured, rates, best } = await measureWidths({
      ...wanted,
      onDevice: (adapter) => onNote(measuringNote(adapter)),
    });
    for (const { seconds, path } of measured) onNote(measuredNote(seconds, path));
    if (rates.length > 1) {
      onNote(`The CPU computes with vectors of ${best} bits from now on, the fastest (${describeRates(rates)})`);
    }
  } catch (error) {
    // The run goes on without measuring; if something is wrong with the device, opening it throws.
    onNote(`Kernels are not measured: ${error instanceof Error ? error.message : error}`);
  }
}

/** The rates that were measured at several widths, in one line. */
export function describeRates(rates: readonly WidthRate[]): string {
  return rates.map(({ bits, gflops }) => `${bits} bits ${gflops.toFixed(1)} GFLOP/s`).join(", ");
}

function measuringNote(adapter: string): string {
  return `Measuring kernels on ${adapter}, once; where the driver compiles them first, for up to a minute`;
}

function measuredNote(seconds: number, path: string | null): string {
  return `Kernels measured in ${seconds.toFixed(1)} s${path ? `: ${path}` : ""}`;
}

/** Whether to measure for a model. Without a cache it is not done, since the next run might choose differently. */
async function isWorthTuning(model: string | undefined): Promise<boolean> {
  return kernelCacheFolder() !== null && await weightBytes(model) >= WORTH_TUNING_BYTES;
}

async function tuningFor(device: Device, { model, onNote }: RunDeviceOptions): Promise<Tuning | null> {
  const cached = await readCachedTuning(device);
  if (cached) return cached.tuning;
  if (!await isWorthTuning(model)) return null;
  onNote(measuringNote(device.name));
  const started = performance.now();
  const result = await tune(device, { cpuSeconds });
  const file = await writeCachedTuning(tunedDevice(device), result);
  onNote(measuredNote((performance.now() - started) / 1000, file));
  return file === null ? null : result.tuning;
}

/** Bytes of the weights in a model folder; 0 if there are none. */
async function weightBytes(model: string | undefined): Promise<number> {
  if (model === undefined) return 0;
  let bytes = 0;
  try {
    for await (const { name } of Deno.readDir(model)) {
      if (name.endsWith(".safetensors")) bytes += (await Deno.stat(join(model, name))).size;
    }
  } catch {
    // If something is wrong with the folder, loading the model throws.
  }
  return bytes;
}

/** Tiles that runs may have begun with, and that are no more. All tiles of a family give the same bits. */
const GONE = ["broadcast64", "broadcast64image"];

/** A record's tuning without the tiles that are gone, in whose place products take what suits them. */
function withoutGone(tuning: unknown): unknown {
  if (!isRecord(tuning) || !isRecord(tuning.tiles)) return tuning;
  const tiles = Object.entries(tuning.tiles).filter(([, tile]) => !GONE.includes(tile as string));
  return { ...tuning, tiles: Object.fromEntries(tiles) };
}

async function readRecord(path: string): Promise<KernelRecord | null> {
  if (!await exists(path)) return null;
  // Records of before there was a choice have no WebGPU.
  const { adapter, webgpu = "deno", vector_width: width, family, tuning: kept } = await readJsonObject(path);
  const tuning = withoutGone(kept);
  if (
    typeof adapter === "string" && (webgpu === "deno" || webgpu === "dawn") &&
    (width === null || isVectorWidth(width)) && (family === "cpu" || family === "gpu") &&
    (tuning === null || isTuning(tuning))
  ) return { adapter, webgpu, vector_width: width, family, tuning };
  throw new UserError(
    `Cannot go on with the run: ${path} is no record of kernels, expected adapter, vector_width, family and tuning; delete the file to choose again, which may change the last digits`,
  );
}
