/** The kernel variants that were measured on this machine, in a file per adapter, driver and version. @module */
import { join } from "node:path";
import type { Device } from "../../kernels/device/device.ts";
import type { DeviceFamily, Tuning } from "../../kernels/device/tuning.ts";
import { isVariant } from "../../kernels/matmul/matmul.ts";
import type { Measurement, TuneResult } from "../../kernels/tune.ts";
import { makeFolder, writeFileAtomic } from "../files/atomic.ts";
import { readJsonObject } from "../files/io.ts";
import { isRecord } from "../values.ts";
import { versions } from "./versions.ts";

/** Bits of the vectors that lavapipe takes. */
export const VECTOR_WIDTHS = [128, 256, 512] as const;

/** What the cache holds for a device. */
export interface CachedTuning extends TuneResult {
  /** The cache's file. */
  path: string;
  /** When it was measured, ISO 8601. */
  date: string;
}

/**
 * The folder that keeps what was measured: `DNPO_CACHE`, otherwise `dnpo` in the platform's cache folder. Null if
 * DNPO_CACHE is empty, or if the environment names no folder or may not be read.
 */
export function kernelCacheFolder(): string | null {
  const at = (name: string): string | undefined => {
    try {
      return Deno.env.get(name);
    } catch {
      return undefined;
    }
  };
  const own = at("DNPO_CACHE");
  if (own !== undefined) return own || null;
  const home = at("HOME");
  const base = at("XDG_CACHE_HOME") ||
    (Deno.build.os === "windows"
      ? at("LOCALAPPDATA")
      : home && (Deno.build.os === "darwin" ? join(home, "Library", "Caches") : join(home, ".cache")));
  return base ? join(base, "dnpo") : null;
}

/** Bits of lavapipe's vectors, from the adapter's name; null for all other adapters. */
export function vectorBits(adapter: string): number | null {
  const bits = Number(/\bllvmpipe\b.*\b(\d+)[ -]bits/.exec(adapter)?.[1]);
  return isVectorWidth(bits) ? bits : null;
}

/** The device that was measured: the adapter's name, and the family of the kernels that are not tuned. */
export interface TunedDevice {
  adapter: string;
  family: DeviceFamily;
}

/** The part of a device that the cache knows it by. */
export function tunedDevice(device: Pick<Device, "name" | "family">): TunedDevice {
  return { adapter: device.name, family: device.family };
}

/** Everything that a tuning depends on; each key has a file of its own. */
function keyOf({ adapter, family }: TunedDevice): Record<string, string> {
  return { adapter, family, ...versions() };
}

function pathOf(folder: string, key: Record<string, string>): string {
  return join(folder, `kernels-${Object.values(key).join("-").replace(/[^\w.]+/g, "-")}.json`);
}

/** Reads what was measured for the device; null if there is nothing, or it cannot be read. */
export async function readCachedTuning(device: Device): Promise<CachedTuning | null> {
  const folder = kernelCacheFolder();
  if (folder === null) return null;
  const key = keyOf(tunedDevice(device));
  return await readEntry(pathOf(folder, key), key);
}

async function readEntry(path: string, key: Record<string, string>): Promise<CachedTuning | null> {
  try {
    const { tuning, measurements, date, ...rest } = await readJsonObject(path);
    const same = Object.entries(key).every(([name, value]) => rest[name] === value);
    if (!same || !isTuning(tuning) || !Array.isArray(measurements) || !measurements.every(isMeasurement)) return null;
    return { tuning, measurements, date: String(date), path };
  } catch {
    return null;
  }
}

/** Writes what was measured; returns the path of the file, or null if nothing can be kept. */
export async function writeCachedTuning(device: TunedDevice, result: TuneResult): Promise<string | null> {
  const folder = kernelCacheFolder();
  if (folder === null) return null;
  const key = keyOf(device);
  const path = pathOf(folder, key);
  try {
    await makeFolder(folder);
    await writeFileAtomic(path, JSON.stringify({ ...key, date: new Date().toISOString(), ...result }, null, 2) + "\n");
    return path;
  } catch {
    return null;
  }
}

/** A vector width, and the rate that was measured with it. */
export interface WidthRate {
  bits: number;
  /** Geometric mean over the chosen tiles, in 10⁹ floating-point operations per second. */
  gflops: number;
}

/** The rates of all vector widths that were measured for the device, narrow ones first; none unless it is lavapipe. */
export async function readWidthRates(device: TunedDevice): Promise<WidthRate[]> {
  const folder = kernelCacheFolder();
  if (folder === null || vectorBits(device.adapter) === null) return [];
  const rates: WidthRate[] = [];
  for (const bits of VECTOR_WIDTHS) {
    const key = keyOf({ ...device, adapter: device.adapter.replace(/\b\d+(?=[ -]bits)/, String(bits)) });
    const cached = await readEntry(pathOf(folder, key), key);
    if (!cached) continue;
    const logs = cached.measurements.filter((one) => one.chosen).map((one) => Math.log(one.gflops));
    rates.push({ bits, gflops: Math.exp(logs.reduce((sum, x) => sum + x, 0) / logs.length) });
  }
  return rates;
}

/**
 * Bits of the fastest of lavapipe's vectors. Null means the driver's own width, or no lavapipe; undefined means that
 * this version has not measured yet.
 */
export async function readVectorWidth(): Promise<number | null | undefined> {
  const folder = kernelCacheFolder();
  if (folder === null) return undefined;
  try {
    const { bits, ...rest } = await readJsonObject(join(folder, "vector-width.json"));
    if (!Object.entries(versions()).every(([name, value]) => rest[name] === value)) return undefined;
    return isVectorWidth(bits) ? bits : null;
  } catch {
    return undefined;
  }
}

/** Writes the fastest vector width; null is the driver's own. */
export async function writeVectorWidth(bits: number | null): Promise<void> {
  const folder = kernelCacheFolder();
  if (folder === null) return;
  await makeFolder(folder).catch(() => {});
  await writeFileAtomic(join(folder, "vector-width.json"), JSON.stringify({ bits, ...versions() }) + "\n").catch(
    () => {},
  );
}

/** Whether a value is a vector width that lavapipe takes. */
export function isVectorWidth(value: unknown): value is number {
  return (VECTOR_WIDTHS as readonly unknown[]).includes(value);
}

/** Whether parsed JSON is a tuning of this version. */
export function isTuning(value: unknown): value is Tuning {
  return isRecord(value) && (value.family === "cpu" || value.family === "gpu") && isRecord(value.tiles) &&
    Object.values(value.tiles).every(isVariant);
}

function isMeasurement(value: unknown): value is Measurement {
  return isRecord(value) && isVariant(value.variant) && typeof value.gflops === "number" &&
    typeof value.chosen === "boolean" && Array.isArray(value.sizes);
}
