/** Measures kernels at several widths of lavapipe's vectors. @module */
import { compilesSlowly, type Lavapipe } from "../../kernels/device/lavapipe.ts";
import type { DeviceFamily, TileClass } from "../../kernels/device/tuning.ts";
import type { TuneResult } from "../../kernels/tune.ts";
import { UserError } from "../error.ts";
import type { OpenDeviceOptions } from "./open_device.ts";
import type { WidthAnswer, WidthQuestion } from "./tune_worker.ts";
import { readWidthRates, type WidthRate, writeCachedTuning, writeVectorWidth } from "./tuning_cache.ts";

/** Bits that the driver does not choose by itself: they are faster on some CPUs with AVX-512, and slower on others. */
const WIDE = 512;
/**
 * How long a thread that has ended is left to unload its driver, which takes it some 10 to 30 ms and tells nobody: a process
 * that ends meanwhile may crash.
 */
const UNLOADING_MS = 300;
/** The factor by which a wider vector must be faster to be chosen. */
const BETTER = 1.05;

/** How and what to measure, and on which device. */
export interface MeasureWidthsOptions extends Omit<OpenDeviceOptions, "vectorWidth"> {
  /** The only width to measure (default: the driver's own, and 512 where it may pay). */
  vectorWidth?: number | undefined;
  /** Whether to measure even if the adapter has no vector width (default false). */
  always?: boolean;
  /** Gets the adapter's name before it is measured. */
  onDevice?: (adapter: string) => void;
  /** Gets what is measured next. */
  onMeasure?: (what: TileClass | "families") => void;
}

/** The result of measuring one device. */
export interface MeasuredWidth {
  adapter: string;
  result: TuneResult;
  seconds: number;
  /** The cache's file; null if nothing can be kept. */
  path: string | null;
}

/**
 * Measures the kernels, on lavapipe at each vector width, and keeps the results and the fastest width in the cache.
 * Each width is measured in a thread of its own, with which the driver is loaded and unloaded; the process must not
 * have opened a device before. Throws a UserError if a device cannot be opened or measured.
 */
export async function measureWidths(
  { vectorWidth: only, always = false, onDevice, onMeasure, ...device }: MeasureWidthsOptions = {},
): Promise<{ measured: MeasuredWidth[]; rates: WidthRate[]; best: number | null }> {
  const measured: MeasuredWidth[] = [];
  let rates: WidthRate[] = [];
  for (const vectorWidth of only === undefined ? [null, WIDE] : [only]) {
    // If the driver's own width is 512, or it has none, that is all.
    if (measured.length > 0 && (rates.length === 0 || rates.some(({ bits }) => bits === vectorWidth))) break;
    const started = performance.now();
    const found = await measureInThread({ ...device, vectorWidth, always }, { onDevice, onMeasure });
    if (found === null) break;
    const { adapter, family, lavapipe, result } = found;
    const path = await writeCachedTuning({ adapter, family }, result);
    measured.push({ adapter, result, path, seconds: (performance.now() - started) / 1000 });
    rates = await readWidthRates({ adapter, family });
    if (compilesSlowly(lavapipe)) break;
  }
  const best = rates.reduce<WidthRate | null>(
    (kept, one) => kept === null || one.gflops > BETTER * kept.gflops ? one : kept,
    null,
  );
  if (measured.length > 0 || only === undefined) await writeVectorWidth(best && best.bits);
  return { measured, rates, best: best && best.bits };
}

/** The device that a thread measures. */
interface MeasuredDevice {
  adapter: string;
  family: DeviceFamily;
  lavapipe: Lavapipe | null;
}

/** Null if there was nothing to measure. */
async function measureInThread(
  question: WidthQuestion,
  { onDevice, onMeasure }: {
    onDevice: MeasureWidthsOptions["onDevice"] | undefined;
    onMeasure: MeasureWidthsOptions["onMeasure"] | undefined;
  },
): Promise<MeasuredDevice & { result: TuneResult } | null> {
  const restore = keepEnvironment();
  const worker = new Worker(new URL("./tune_worker.ts", import.meta.url), { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<TuneResult | null>();
  let device: MeasuredDevice | undefined;
  worker.onmessage = ({ data }: MessageEvent<WidthAnswer>) => {
    if ("measuring" in data) onMeasure?.(data.measuring);
    else if ("result" in data) resolve(data.result);
    else if ("failed" in data) reject(new UserError(data.failed));
    else {
      device = data;
      onDevice?.(data.adapter);
    }
  };
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new UserError(`Cannot measure kernels: ${event.message.split("\n")[0]}`));
  };
  worker.postMessage(question);
  try {
    const result = await promise;
    return device && result ? { ...device, result } : null;
  } finally {
    worker.terminate();
    restore();
    await new Promise((resolve) => setTimeout(resolve, UNLOADING_MS));
  }
}

/**
 * Returns what restores the environment's width. The thread sets it for the whole process, in which it would later be
 * taken for the user's own.
 */
function keepEnvironment(): () => void {
  const name = "LP_NATIVE_VECTOR_WIDTH";
  try {
    const before = Deno.env.get(name);
    return () => before === undefined ? Deno.env.delete(name) : Deno.env.set(name, before);
  } catch {
    // A variable that may not be read cannot be set either.
    return () => {};
  }
}
