/** What ranks tell each other within an optimizer step: metrics, gradients, the norm's parts and new values. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import { type Slice, SLICE_ALIGNMENT, subslice } from "../../kernels/device/slice.ts";
import { bytesOf } from "../cluster/bytes_of.ts";
import { evenBounds, partOf, type Transport, type WireDtype } from "../cluster/transport.ts";
import { addNode } from "../cluster/tree_sum.ts";
import type { OptimizerGroup } from "./optimizer_group.ts";
import { chunkBounds, normBlocks, ownedSlices, sharedBounds } from "./owned_slices.ts";

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

  /**
   * Sums a metrics row and the groups' gradients over the ranks: afterwards each rank has the row, and the gradients of its
   * own elements. `meanwhile` submits work for the device that needs none of them.
   */
  async sum(
    { metrics, groups, meanwhile }: { metrics: Slice; groups: readonly OptimizerGroup[]; meanwhile: () => void },
  ): Promise<void> {
    const row = this.#start(metrics);
    // What all ranks keep whole is small enough to lie on the host at once; of the rest, one chunk is on its way.
    const first = groups.map(({ gradients: { chunks }, owner: { parts } }) =>
      (parts === 1 ? chunks : chunks.slice(0, 1)).map((chunk) => this.#start(chunk))
    );
    meanwhile();
    await this.#sumMetrics(metrics, await row);
    for (const [g, group] of groups.entries()) {
      for (const [i, chunk] of group.gradients.chunks.entries()) {
        await this.#sumChunk(group, chunk, await (first[g]![i] ?? this.#start(chunk)));
      }
    }
  }

  /** Sums a metrics row by the tree, in float32. */
  async #sumMetrics(row: Slice, own: Float32Array): Promise<void> {
    const { size, part } = this.#transport;
    const all = new Float32Array(size * SLICE_ALIGNMENT / 4);
    const rowOf = (rank: number): Float32Array => {
      const at = partOf(rank, size) * SLICE_ALIGNMENT / 4;
      return all.subarray(at, at + SLICE_ALIGNMENT / 4);
    };
    all.set(own, part * SLICE_ALIGNMENT / 4);
    await this.#transport.allGather(bytesOf(all), Array.from({ length: size + 1 }, (_, i) => i * SLICE_ALIGNMENT));
    for (let distance = 1; distance < size; distance *= 2) {
      for (let rank = 0; rank < size; rank += 2 * distance) addNode(rowOf(rank), rowOf(rank + distance), "float32");
    }
    this.#commands.device.write(row, rowOf(0).slice());
  }

  async #sumChunk({ owner }: OptimizerGroup, chunk: Slice, values: Float32Array<ArrayBuffer>): Promise<void> {
    const { size, part } = this.#transport;
    const isCut = owner.parts > 1;
    const bounds = (isCut ? chunkBounds : sharedBounds)(values.length, size);
    await this.#transport.reduceScatter(values, bounds, this.#dtype);
    if (isCut) return this.#write(chunk, values, [bounds[part]!, bounds[part + 1]!]);
    await this.#transport.allGather(bytesOf(values), bounds.map((bound) => 4 * bound));
    this.#write(chunk, values, [0, values.length]);
  }

  /** Gathers the parts of the norm that each rank has of its own elements. */
  async gatherNorm({ owner, partials, gradients: { layout } }: OptimizerGroup): Promise<void> {
    if (owner.parts === 1) return;
    const all = await this.#start(partials);
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
      if (count > 0) all.set(await this.#start(subslice(chunk, 4 * first, 4 * count)), first);
      const bounds = chunkBounds(elements, owner.parts);
      await this.#transport.allGather(bytesOf(all), bounds.map((bound) => 4 * bound));
      this.#write(chunk, all, [0, first]);
      this.#write(chunk, all, [first + count, elements]);
    }
  }

  /** Begins to read what the device has of a slice by now. */
  #start(slice: Slice): Promise<Float32Array<ArrayBuffer>> {
    this.#commands.submit();
    const read = this.#commands.device.readAll([slice]).then(([bytes]) => new Float32Array(bytes!));
    // Whoever awaits it is told.
    read.catch(() => {});
    return read;
  }

  #write(target: Slice, values: Float32Array<ArrayBuffer>, [from, to]: readonly [number, number]): void {
    if (to > from) this.#commands.device.write(target, values.subarray(from, to), 4 * from);
  }
}
