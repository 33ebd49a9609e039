/** Reading much of the device's memory in windows, one of which is copied while the one before is in use. @module */
import type { Device, Slice } from "./device.ts";
import { DeviceError } from "./errors.ts";

const WINDOW_BYTES = 32 * 2 ** 20;

/** A part of a slice on its way through a window. */
interface Job {
  slice: Slice;
  from: number;
  bytes: number;
  at: number;
}

/** Reads slices one after another without holding more than two windows of them. */
export interface SliceReader {
  /** The next slice's bytes in pieces, each valid until the next one is asked for. Throws DeviceError, or RangeError past the last. */
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
function planWindows(slices: readonly Slice[], windowBytes: number): Job[][] {
  const windows: Job[][] = [];
  let used = windowBytes;
  for (const slice of slices) {
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
  windows: readonly (readonly Job[])[],
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (windows.length === 0) return;
  const sizes = windows.map((jobs) => jobs.reduce((sum, job) => sum + job.bytes, 0));
  const staging = Array.from({ length: Math.min(2, windows.length) }, (_, i) =>
    device.gpu.createBuffer({
      label: `window ${i}`,
      size: sizes[0]!,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    }));
  const start = (i: number): Promise<void> => {
    const target = staging[i % 2]!;
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
  try {
    let pending = start(0);
    for (let i = 0; i < windows.length; i++) {
      try {
        await pending;
      } catch (error) {
        await device.check();
        throw new DeviceError(`Cannot read from the GPU: ${String(error).replace(/\s+/g, " ").trim()}`);
      }
      const bytes = new Uint8Array(staging[i % 2]!.getMappedRange(0, sizes[i]!));
      if (i + 1 < windows.length) pending = start(i + 1);
      yield bytes;
      staging[i % 2]!.unmap();
    }
    await device.check();
  } finally {
    for (const buffer of staging) buffer.destroy();
  }
}
