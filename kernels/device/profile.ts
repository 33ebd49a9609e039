/** The time that each kernel takes on the device, by timestamp queries. @module */
import type { Device } from "./device.ts";

/** The calls of one kernel, and their time. */
export interface KernelTime {
  /** Name of the kernel. */
  name: string;
  /** Number of calls. */
  calls: number;
  /** Time of all calls together, but for those of no known time. */
  milliseconds: number;
  /** Number of calls whose time is not known: some devices' clocks go back at times. */
  untimed: number;
}

/** A query set holds at most 4,096 timestamps, two for each dispatch. */
const CAPACITY = 2048;

/**
 * Collects the times of up to 2,048 dispatches. Each timed dispatch has a pass of its own, which makes the whole slower
 * than without timing; the times can be compared with each other.
 */
export class Profiler {
  readonly #device: Device;
  readonly #queries: GPUQuerySet;
  readonly #names: string[] = [];

  /** Throws TypeError if the device does not grant `timestamp-query`. */
  constructor(device: Device) {
    if (!device.features.has("timestamp-query")) {
      throw new TypeError('Cannot profile: the device does not grant "timestamp-query"');
    }
    this.#device = device;
    this.#queries = device.gpu.createQuerySet({ type: "timestamp", count: 2 * CAPACITY });
  }

  /** The timestamps for the next dispatch's pass; undefined when all are in use. */
  next(name: string): GPUComputePassTimestampWrites | undefined {
    if (this.#names.length === CAPACITY) return undefined;
    const at = 2 * this.#names.push(name) - 2;
    return { querySet: this.#queries, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 };
  }

  /** Returns the times since the last call, longest first. Waits for one fence. */
  async read(): Promise<KernelTime[]> {
    const count = this.#names.length;
    if (count === 0) return [];
    const { gpu } = this.#device;
    const size = count * 16;
    const resolved = gpu.createBuffer({ size, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
    const times = this.#device.alloc(size, "timestamps");
    const encoder = gpu.createCommandEncoder();
    encoder.resolveQuerySet(this.#queries, 0, 2 * count, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, times.buffer.gpu, 0, size);
    gpu.queue.submit([encoder.finish()]);
    const stamps = new BigUint64Array(await this.#device.read(times));
    this.#device.free(times);
    resolved.destroy();
    return kernelTimes(this.#names.splice(0), stamps);
  }

  /** Gives the queries back. */
  [Symbol.dispose](): void {
    this.#queries.destroy();
  }
}

/** The times of calls by kernel, longest first, of each call's two stamps in nanoseconds. */
export function kernelTimes(names: readonly string[], stamps: BigUint64Array): KernelTime[] {
  const totals = new Map<string, KernelTime>();
  names.forEach((name, i) => {
    const total = totals.get(name) ?? { name, calls: 0, milliseconds: 0, untimed: 0 };
    const [begin, end] = [stamps[2 * i]!, stamps[2 * i + 1]!];
    total.calls++;
    if (end < begin) total.untimed++;
    else total.milliseconds += Number(end - begin) / 1e6;
    totals.set(name, total);
  });
  return [...totals.values()].sort((a, b) => b.milliseconds - a.milliseconds);
}
