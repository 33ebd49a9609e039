/** Measuring kernels at several widths of lavapipe's vectors. @module */
import type { DeviceFamily, TileClass } from "../../kernels/device/tuning.ts";
import type { TuneResult } from "../../kernels/tune.ts";
import { UserError } from "../error.ts";
import type { WidthAnswer, WidthQuestion } from "./tune_worker.ts";
import { readWidthRates, type WidthRate, writeCachedTuning, writeVectorWidth } from "./tuning_cache.ts";

/** Bits that the driver does not take by itself: they pay on some CPUs with AVX-512, and cost on others. */
const WIDE = 512;
/** Another vector width must be faster by this. */
const BETTER = 1.05;

/** How and what to measure. */
export interface MeasureWidthsOptions {
  /** The one width to measure (default: the driver's own, and 512). */
  vectorWidth?: number | undefined;
  family?: DeviceFamily | undefined;
  /** Whether to measure where the adapter has no vector width, too (default false). */
  always?: boolean;
  /** Told of each device before it is measured. */
  onDevice?: (adapter: string) => void;
  /** Told each class of products before its turn. */
  onMeasure?: (what: TileClass) => void;
}

/** What was found on one device. */
export interface MeasuredWidth {
  adapter: string;
  result: TuneResult;
  seconds: number;
  /** The cache's file; null where nothing can be kept. */
  path: string | null;
}

/**
 * Measures the kernels, on lavapipe at each vector width, and keeps what was found and which width is the fastest. Each is
 * measured in a thread of its own, with which the driver is loaded and unloaded, so that nothing may have opened a device
 * before. Throws UserError where a device cannot be opened or measured.
 */
export async function measureWidths(
  options: MeasureWidthsOptions = {},
): Promise<{ measured: MeasuredWidth[]; rates: WidthRate[]; best: number | null }> {
  const measured: MeasuredWidth[] = [];
  let rates: WidthRate[] = [];
  for (const vectorWidth of options.vectorWidth === undefined ? [null, WIDE] : [options.vectorWidth]) {
    // Where the driver's own width is 512, or there is none, that is all.
    if (measured.length > 0 && (rates.length === 0 || rates.some(({ bits }) => bits === vectorWidth))) break;
    const started = performance.now();
    const found = await measureInThread({
      ...options,
      question: { vectorWidth, family: options.family, always: options.always ?? false },
    });
    if (found === null) break;
    const { adapter, family, result } = found;
    const path = await writeCachedTuning({ adapter, family }, result);
    measured.push({ adapter, result, path, seconds: (performance.now() - started) / 1000 });
    rates = await readWidthRates({ adapter, family });
  }
  const best = rates.reduce<WidthRate | null>(
    (kept, one) => kept === null || one.gflops > BETTER * kept.gflops ? one : kept,
    null,
  );
  if (measured.length > 0 || options.vectorWidth === undefined) await writeVectorWidth(best && best.bits);
  return { measured, rates, best: best && best.bits };
}

/** Null where there was nothing to measure. */
async function measureInThread(
  { question, onDevice, onMeasure }: MeasureWidthsOptions & { question: WidthQuestion },
): Promise<{ adapter: string; family: DeviceFamily; result: TuneResult } | null> {
  const restore = keepEnvironment();
  const worker = new Worker(new URL("./tune_worker.ts", import.meta.url), { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<TuneResult | null>();
  let device: { adapter: string; family: DeviceFamily } | undefined;
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
  }
}

/** What puts back the environment's width, which the thread sets for the whole process: it stands for the user's own. */
function keepEnvironment(): () => void {
  const name = "LP_NATIVE_VECTOR_WIDTH";
  try {
    const before = Deno.env.get(name);
    return () => before === undefined ? Deno.env.delete(name) : Deno.env.set(name, before);
  } catch {
    // What may not be read is not set either.
    return () => {};
  }
}
