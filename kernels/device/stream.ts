/** Reading much of the device's memory in windows, some of which are copied while the one before is in use. @module */
import type { Device } from "./device.ts";
import { DeviceError } from "./device_error.ts";
import type { Slice } from "./slice.ts";

// A fence takes 11 ms or more in Deno whatever it waits for, so that several are under way at a time. The windows are
// small because memory touched for the first time is slow, and because Deno copies a mapped range.
const WINDOW_BYTES = 4 * 2 ** 20;
const WINDOWS = 8;

/** A part of a slice on its way through a window. */
interface WindowJob {
  slice: Slice;
  from: number;
  bytes: number;
  at: number;
}

/** Reads slices one after another without holding more than a few windows of them. */
export interface SliceReader {
  /**
   * The next slice's bytes in pieces. A piece is valid until the one after the next is asked for, over all slices: it can
   * be written while the next one is read. Throws DeviceError, or RangeError past the last.
   */
  next(): AsyncGenerator<Uint8Array<ArrayBuffer>>;
  /** Gives the windows back. */
  close(): Promise<void>;
}

/** Opens a reader of `slices`, whose sizes are multiples of 4; one fence a window. */
export function openSliceReader(
  device: Device,
  slices: readonly Slice[],
  { windowBytes = WINDOW_BYTES }: { windowBytes?: number } = {},
): SliceReader {
  const windows = readWindows(device, planWindows(slices, windowBytes));
  let window: Uint8Array<ArrayBuffer> = new Uint8Array();
  let used = 0;
  let at = 0;
  async function* next(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const slice = slices[at++];
    if (!slice) throw new RangeError(`Cannot read slice ${at}: there are ${slices.length}`);
    for (let left = slice.size; left > 0;) {
      if (used === window.length) {
        const { value, done } = await windows.next();
        if (done) throw new RangeError(`Cannot read "${slice.buffer.label}": its window was passed over`);
        [window, used] = [value, 0];
      }
      const bytes = Math.min(left, window.length - used);
      const piece = window.subarray(used, used + bytes);
      [used, left] = [used + bytes, left - bytes];
      yield piece;
    }
  }
  return { next, close: async () => void await windows.return(undefined) };
}

/** The slices end to end, cut into windows. */
function planWindows(slices: readonly Slice[], windowBytes: number): WindowJob[][] {
  const windows: WindowJob[][] = [];
  let used = windowBytes;
  for (const slice of slices.flatMap((slice) => slice.parts ?? [slice])) {
    for (let from = 0; from < slice.size;) {
      if (used === windowBytes) {
        windows.push([]);
        used = 0;
      }
      const bytes = Math.min(slice.size - from, windowBytes - used);
      windows.at(-1)!.push({ slice, from, bytes, at: used });
      used += bytes;
      from += bytes;
    }
  }
  return windows;
}

async function* readWindows(
  device: Device,
  windows: readonly (readonly WindowJob[])[],
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (windows.length === 0) return;
  const sizes = windows.map((jobs) => jobs.reduce((sum, job) => sum + job.bytes, 0));
  const staging = Array.from({ length: Math.min(WINDOWS, windows.length) }, (_, i) =>
    device.gpu.createBuffer({
      label: `window ${i}`,
      size: sizes[0]!,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    }));
  const start = (i: number): Promise<void> => {
    const target = staging[i % staging.length]!;
    const encoder = device.gpu.createCommandEncoder();
    for (const { slice, from, bytes, at } of windows[i]!) {
      encoder.copyBufferToBuffer(slice.buffer.gpu, slice.offset + from, target, at, bytes);
    }
    device.gpu.queue.submit([encoder.finish()]);
    const mapped = target.mapAsync(GPUMapMode.READ, 0, sizes[i]!);
    // Whoever awaits it is told; where nobody does, the reader was closed.
    mapped.catch(() => {});
    return mapped;
  };
  const pending: Promise<void>[] = [];
  try {
    pending.push(...staging.map((_, i) => start(i)));
    for (let i = 0; i < windows.length; i++) {
      if (i >= 2) {
        const free = i - 2;
        staging[free % staging.length]!.unmap();
        const next = free + staging.length;
        if (next < windows.length) pending.push(start(next));
      }
      try {
        await pending[i];
      } catch (error) {
        await device.check();
        throw new DeviceError(`Cannot read from the GPU: ${String(error).replace(/\s+/g, " ").trim()}`);
      }
      yield new Uint8Array(staging[i % staging.length]!.getMappedRange(0, sizes[i]!));
    }
    await device.check();
  } finally {
    // Dawn's library crashes at times where a buffer that is being mapped is destroyed and its thread ends soon after.
    await Promise.allSettled(pending);
    for (const buffer of staging) buffer.destroy();
  }
}
