/** What ranks tell each other within an optimizer step: metrics, gradients, the norm's parts and new values. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import { type Slice, SLICE_ALIGNMENT, subslice } from "../../kernels/device/slice.ts";
import { evenBounds, partOf, type Transport, type WireDtype } from "../cluster/transport.ts";
import { addNode } from "../cluster/tree_sum.ts";
import type { OptimizerGroup } from "./optimizer_group.ts";
import { chunkBounds, normBlocks, ownedSlices } from "./owned_slices.ts";

/** Exchanges what the device has of a step, through the host. All ranks call the same functions in the same order. */
export class GradientExchange {
  readonly #commands: Commands;
  readonly #transport: Transport;
  readonly #dtype: WireDtype;

  constructor(commands: Commands, { transport, dtype }: { transport: Transport; dtype: WireDtype }) {
    this.#commands = commands;
    this.#transport = transport;
    this.#dtype = dtype;
  }

  /** Sums a metrics row over the ranks, by the tree, in float32. */
  async sumMetrics(row: Slice): Promise<void> {
    const { size, part } = this.#transport;
    const all = new Float32Array(size * SLICE_ALIGNMENT / 4);
    const rowOf = (rank: number): Float32Array => {
      const at = partOf(rank, size) * SLICE_ALIGNMENT / 4;
      return all.subarray(at, at + SLICE_ALIGNMENT / 4);
    };
    all.set(await this.#read(row), part * SLICE_ALIGNMENT / 4);
    await this.#transport.allGather(bytesOf(all), Array.from({ length: size + 1 }, (_, i) => i * SLICE_ALIGNMENT));
    for (let distance = 1; distance < size; distance *= 2) {
      for (let rank = 0; rank < size; rank += 2 * distance) addNode(rowOf(rank), rowOf(rank + distance), "float32");
    }
    this.#commands.device.write(row, rowOf(0).slice());
  }

  /** Sums the group's gradients over the ranks: afterwards each rank has those of its own elements. */
  async sumGradients({ gradients, owner }: OptimizerGroup): Promise<void> {
    const { size, part } = this.#transport;
    for (const chunk of gradients.chunks) {
      const values = await this.#read(chunk);
      const isCut = owner.parts > 1;
      const bounds = isCut ? chunkBounds(values.length, size) : evenBounds(values.length, size, SLICE_ALIGNMENT / 4);
      await this.#transport.reduceScatter(values, bounds, this.#dtype);
      let own: readonly [number, number] = [bounds[part]!, bounds[part + 1]!];
      if (!isCut) {
        await this.#transport.allGather(bytesOf(values), bounds.map((bound) => 4 * bound));
        own = [0, values.length];
      }
      this.#write(chunk, values, own);
    }
  }

  /** Gathers the parts of the norm that each rank has of its own elements. */
  async gatherNorm({ owner, partials, gradients: { layout } }: OptimizerGroup): Promise<void> {
    if (owner.parts === 1) return;
    const all = await this.#read(partials);
    for (const { first, count } of normBlocks(layout)) {
      const bounds = evenBounds(count, this.#transport.size).map((bound) => 4 * bound);
      await this.#transport.allGather(bytesOf(all.subarray(first, first + count)), bounds);
    }
    this.#commands.device.write(partials, all);
  }

  /** Gathers the values that each rank has updated. */
  async gatherValues({ owner, values, gradients: { layout } }: OptimizerGroup): Promise<void> {
    if (owner.parts === 1) return;
    for (const [i, { first, count }] of ownedSlices(layout, owner).entries()) {
      const chunk = values.chunks[i]!;
      const { elements } = layout.chunks[i]!;
      const all = new Float32Array(elements);
      if (count > 0) all.set(await this.#read(subslice(chunk, 4 * first, 4 * count)), first);
      const bounds = chunkBounds(elements, owner.parts);
      await this.#transport.allGather(bytesOf(all), bounds.map((bound) => 4 * bound));
      this.#write(chunk, all, [0, first]);
      this.#write(chunk, all, [first + count, elements]);
    }
  }

  async #read(slice: Slice): Promise<Float32Array<ArrayBuffer>> {
    this.#commands.submit();
    const [bytes] = await this.#commands.device.readAll([slice]);
    return new Float32Array(bytes!);
  }

  #write(target: Slice, values: Float32Array<ArrayBuffer>, [from, to]: readonly [number, number]): void {
    if (to > from) this.#commands.device.write(target, values.subarray(from, to), 4 * from);
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
