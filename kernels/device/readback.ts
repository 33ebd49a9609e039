/** Reading the device's memory: copies into staging buffers, one for each read that is under way. @module */
import { DeviceError, oneLine } from "./device_error.ts";
import type { Slice } from "./slice.ts";

/** What one fence brings at most: it bounds the staging memory, and nearly all reads are less. */
const WINDOW_BYTES = 64 * 1024 * 1024;
const LEAST_BYTES = 64 * 1024;

/** What reading needs of a device. */
export interface ReadableDevice {
  readonly gpu: GPUDevice;
  /** A buffer of any usage; where there is no memory for it, the next check throws. */
  createBuffer(descriptor: GPUBufferDescriptor): GPUBuffer;
  /** Records a failure, which the next check throws. */
  fail(error: DeviceError): void;
  check(): Promise<void>;
}

/** A part of a slice on its way through a window. */
interface ReadJob {
  source: Slice;
  target: ArrayBuffer;
  from: number;
  to: number;
  bytes: number;
  at: number;
}

/** Reads slices; each call has a staging buffer of its own, and the largest one is kept for the next. */
export class Readback {
  readonly #device: ReadableDevice;
  #kept: GPUBuffer | undefined;

  constructor(device: ReadableDevice) {
    this.#device = device;
  }

  /** The slices' bytes as they are after all work submitted before the call. Throws DeviceError. */
  async read(slices: readonly Slice[]): Promise<ArrayBuffer[]> {
    const out = slices.map((slice) => new ArrayBuffer(slice.size));
    let staging: GPUBuffer | undefined;
    try {
      for (const { jobs, bytes } of windows(slices, out)) {
        if (staging === undefined || staging.size < bytes) {
          staging?.destroy();
          staging = this.#take(bytes);
        }
        await this.#copy(staging, jobs, bytes);
      }
    } finally {
      if (staging) this.#giveBack(staging);
    }
    return out;
  }

  /** Gives the kept buffer back. */
  free(): void {
    this.#kept?.destroy();
    this.#kept = undefined;
  }

  #take(bytes: number): GPUBuffer {
    const kept = this.#kept;
    this.#kept = undefined;
    if (kept && kept.size >= bytes) return kept;
    kept?.destroy();
    return this.#device.createBuffer({
      label: "staging",
      size: Math.max(LEAST_BYTES, bytes),
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
  }

  #giveBack(staging: GPUBuffer): void {
    if (this.#kept && this.#kept.size >= staging.size) return staging.destroy();
    this.#kept?.destroy();
    this.#kept = staging;
  }

  async #copy(staging: GPUBuffer, jobs: readonly ReadJob[], bytes: number): Promise<void> {
    const { gpu } = this.#device;
    const encoder = gpu.createCommandEncoder();
    for (const { source, from, bytes, at } of jobs) {
      encoder.copyBufferToBuffer(source.buffer.gpu, source.offset + from, staging, at, bytes);
    }
    gpu.queue.submit([encoder.finish()]);
    try {
      await staging.mapAsync(GPUMapMode.READ, 0, bytes);
    } catch (error) {
      this.#device.fail(new DeviceError(`Cannot read from the GPU: ${oneLine(String(error))}`));
      return await this.#device.check();
    }
    const mapped = new Uint8Array(staging.getMappedRange(0, bytes));
    for (const { target, to, bytes, at } of jobs) {
      new Uint8Array(target, to, bytes).set(mapped.subarray(at, at + bytes));
    }
    staging.unmap();
    await this.#device.check();
  }
}

/** The slices end to end, cut into windows. */
function* windows(
  slices: readonly Slice[],
  out: readonly ArrayBuffer[],
): Generator<{ jobs: readonly ReadJob[]; bytes: number }> {
  let jobs: ReadJob[] = [];
  let used = 0;
  for (const { source, target, first } of partsOf(slices, out)) {
    for (let from = 0; from < source.size;) {
      if (used === WINDOW_BYTES) {
        yield { jobs, bytes: used };
        [jobs, used] = [[], 0];
      }
      const bytes = Math.min(source.size - from, WINDOW_BYTES - used);
      jobs.push({ source, target, from, to: first + from, bytes, at: used });
      used += bytes;
      from += bytes;
    }
  }
  if (used > 0) yield { jobs, bytes: used };
}

/** The parts of each slice, with the byte at which each begins in what is read. */
function* partsOf(
  slices: readonly Slice[],
  out: readonly ArrayBuffer[],
): Generator<{ source: Slice; target: ArrayBuffer; first: number }> {
  for (const [i, slice] of slices.entries()) {
    let first = 0;
    for (const source of slice.parts ?? [slice]) {
      yield { source, target: out[i]!, first };
      first += source.size;
    }
  }
}
