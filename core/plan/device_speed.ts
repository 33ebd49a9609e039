/** The speed of a device, from short measurements at a model's own sizes. @module */
import { Commands } from "../../kernels/device/commands.ts";
import type { Device } from "../../kernels/device/device.ts";
import type { Slice } from "../../kernels/device/slice.ts";
import { matmul, type MatmulMode } from "../../kernels/matmul/matmul.ts";
import type { ModelConfig } from "../model/families/family.ts";

/** Measured rates. */
export interface Speed {
  /** FLOP per second of a forward pass's products. */
  forward: number;
  /** FLOP per second of a backward pass's products; NaN if that was not to be measured. */
  backward: number;
  /** FLOP per second of products with one token per row, as in sampling. */
  decode: number;
  /** Seconds of a dispatch with next to nothing to do. */
  dispatch: number;
  /** Seconds of one wait for the device. */
  fence: number;
}

/** A measurement is repeated, with more and more calls, until it takes this many milliseconds. */
const LEAST_MS = 60;
const MOST_ROWS = 1024;
const MOST_COLUMNS = 8192;

/** What is measured. */
export interface SpeedSizes {
  config: ModelConfig;
  /** Tokens of a micro-batch. */
  tokens: number;
  /** Rows that are sampled at a time. */
  slots: number;
  /** Whether to measure the backward pass, which takes twice as long as the forward one (default true). */
  backward?: boolean;
}

/** Measures the speed. Takes about a second. Throws DeviceError, of the kind `memory` where the device is full. */
export async function measureSpeed(
  device: Device,
  { config, tokens, slots, backward = true }: SpeedSizes,
): Promise<Speed> {
  using commands = new Commands(device);
  using held = new DisposableStack();
  const fence = await fenceSeconds(device);
  const k = config.hiddenSize;
  const most = Math.floor(device.limits.maxStorageBufferBindingSize / 4);
  const n = Math.min(2 * config.intermediateSize, MOST_COLUMNS, Math.floor(most / k));
  const m = Math.max(1, Math.min(tokens, MOST_ROWS, Math.floor(most / Math.max(n, k))));
  const rows = Math.max(1, Math.min(slots, MOST_ROWS));
  const alloc = (words: number): Slice => held.adopt(device.alloc(words * 4, "speed"), (slice) => device.free(slice));
  const [x, y, w] = [alloc(Math.max(m, rows) * k), alloc(Math.max(m, rows) * n), alloc(n * k)];
  // Without memory for these there is nothing to measure.
  await device.check();
  const product = (mode: MatmulMode, sizes: { m: number; n: number; k: number }): void => {
    const [c, a, b] = mode === "NT" ? [y, x, w] : mode === "NN" ? [x, y, w] : [w, y, x];
    matmul(commands, { mode, c, a, b, ...sizes });
  };
  const rate = async (modes: readonly (() => void)[], rows: number): Promise<number> => {
    const seconds = await secondsOf(commands, { fence, record: () => modes.forEach((mode) => mode()) });
    return modes.length * 2 * rows * n * k / seconds;
  };
  return {
    forward: await rate([() => product("NT", { m, n, k })], m),
    backward: backward
      ? await rate([() => product("NN", { m, n: k, k: n }), () => product("TN", { m: n, n: k, k: m })], m)
      : NaN,
    decode: await rate([() => product("NT", { m: rows, n, k })], rows),
    dispatch: await secondsOf(commands, { fence, record: () => product("NT", { m: 1, n: 4, k: 4 }) }),
    fence,
  };
}

async function fenceSeconds(device: Device): Promise<number> {
  let least = Infinity;
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    await device.sync();
    least = Math.min(least, performance.now() - start);
  }
  return least / 1000;
}

/** Seconds that the work recorded by `record` takes after a warm-up, without the fence. */
async function secondsOf(
  commands: Commands,
  { fence, record }: { fence: number; record: () => void },
): Promise<number> {
  for (let count = 1;; count *= 4) {
    const start = performance.now();
    for (let i = 0; i < count; i++) record();
    commands.submit();
    await commands.device.sync();
    const ms = performance.now() - start - fence * 1000;
    // The first turn compiles, and does not count.
    if (count > 1 && ms >= LEAST_MS) return ms / 1000 / count;
  }
}
