/** A recorder whose kernels count their loads and stores. @module */
import { Commands, type Dispatch } from "../../kernels/device/commands.ts";
import type { Kernel } from "../../kernels/device/kernel.ts";
import type { Image, Slice } from "../../kernels/device/slice.ts";
import type { UniformFields } from "../../kernels/device/uniform.ts";
import { countAccesses, COUNTERS, type CountingKernel } from "./count_accesses.ts";

/** What one dispatch did to one of its arrays. */
export interface Access {
  readonly binding: string;
  readonly isWritable: boolean;
  readonly slice: Slice;
  readonly loadedBytes: number;
  readonly storedBytes: number;
}

/** One dispatch. */
export interface CountedCall {
  readonly kernel: string;
  /** Of its arrays, in the order of the bindings. */
  readonly accesses: readonly Access[];
}

interface Waiting {
  readonly kernel: Kernel<string, UniformFields>;
  readonly elementBytes: ReadonlyMap<string, number>;
  readonly buffers: Readonly<Record<string, Slice | Image>>;
  readonly counters: Slice;
}

/** Counts what all kernels do to their arrays, but for those whose names begin with `except`. */
export class CountingCommands extends Commands {
  readonly #except: RegExp;
  readonly #kernels = new Map<number, CountingKernel>();
  #waiting: Waiting[] = [];

  /** As Commands, with the kernels that are left as they are. */
  constructor(device: Commands["device"], { except }: { except: RegExp }) {
    super(device);
    this.#except = except;
  }

  override dispatch<B extends string, U extends UniformFields>(kernel: Kernel<B, U>, call: Dispatch<B, U>): void {
    if (this.#except.test(kernel.name)) return super.dispatch(kernel, call);
    let counting = this.#kernels.get(kernel.id);
    if (!counting) this.#kernels.set(kernel.id, counting = countAccesses(kernel));
    const counters = this.device.upload(new Uint32Array(2 * kernel.bindingNames.length), "counters");
    const buffers: Record<string, Slice | Image> = { ...call.buffers, [COUNTERS]: counters };
    super.dispatch(counting.kernel, { ...call, buffers });
    const { elementBytes } = counting;
    this.#waiting.push({ kernel: kernel as unknown as Waiting["kernel"], elementBytes, buffers, counters });
  }

  /** Runs what was recorded. Returns the dispatches since the last time. Throws DeviceError if the device refuses one. */
  async counted(): Promise<CountedCall[]> {
    this.submit();
    const calls: CountedCall[] = [];
    for (const { kernel, elementBytes, buffers, counters } of this.#waiting.splice(0)) {
      const counts = new Uint32Array(await this.device.read(counters));
      this.device.free(counters);
      const accesses = kernel.bindingNames.flatMap((binding, i): Access[] => {
        const bytes = elementBytes.get(binding);
        if (bytes === undefined) return [];
        const [loadedBytes, storedBytes] = [counts[2 * i]! * bytes, counts[2 * i + 1]! * bytes];
        const isWritable = kernel.bindings[binding] === "readWrite";
        return [{ binding, isWritable, slice: buffers[binding] as Slice, loadedBytes, storedBytes }];
      });
      calls.push({ kernel: kernel.name, accesses });
    }
    return calls;
  }
}
