/** Sums the gradients of a process's own shards on the device, by the tree of `core/cluster/tree_sum.ts`. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import { type Slice, SLICE_ALIGNMENT } from "../../kernels/device/slice.ts";
import { addGradients } from "../../kernels/optimizer/add_gradients.ts";
import type { WireDtype } from "../cluster/transport.ts";
import { ParameterBuffers } from "../model/parameter_buffers.ts";
import type { OptimizerGroup } from "./optimizer_group.ts";

/** What a node of the tree holds. */
interface Node {
  gradients: ReadonlyMap<OptimizerGroup, ParameterBuffers>;
  metrics: Slice;
}

/** What a shard has been computed into. */
export interface ShardResult {
  /** The groups whose gradients it has. */
  groups: readonly OptimizerGroup[];
  /** Its metrics row, f32 of SLICE_ALIGNMENT bytes. */
  metrics: Slice;
}

/**
 * Nodes that wait for their right neighbour: log2(shards) of them. Where the computed shard completes a node, it is added
 * to what waits there; the sum is the same whichever of both is the target.
 */
export class ShardSums {
  readonly #commands: Commands;
  readonly #shards: number;
  readonly #isRounded: boolean;
  readonly #waiting: readonly Node[];

  /** Allocates the nodes for `shards` shards, a power of two. Throws DeviceError for too little memory. */
  constructor(
    commands: Commands,
    { shards, dtype, groups }: { shards: number; dtype: WireDtype; groups: readonly OptimizerGroup[] },
  ) {
    const { device } = commands;
    this.#commands = commands;
    this.#shards = shards;
    this.#isRounded = dtype === "bfloat16";
    const label = "waiting gradients";
    this.#waiting = Array.from({ length: Math.log2(shards) }, () => ({
      gradients: new Map(groups.map((group) => [
        group,
        new ParameterBuffers(device, { layout: group.gradients.layout, label, part: "gradients" }),
      ])),
      metrics: device.alloc(SLICE_ALIGNMENT, "waiting metrics"),
    }));
  }

  /**
   * Records what follows once shard `shard` of the own ones, in their order, was computed into the gradients of `groups`
   * and into `metrics`: after the last one they hold the sums; after any other they may be overwritten.
   */
  add(shard: number, { groups, metrics }: ShardResult): void {
    let level = 0;
    for (; (shard >> level) % 2 === 1; level++) {
      const { gradients, metrics: others } = this.#waiting[level]!;
      for (const group of groups) {
        const waiting = gradients.get(group)!.chunks;
        group.gradients.chunks.forEach((sums, i) => {
          const count = sums.size / 4;
          this.#commands.announce("update", 3 * count);
          addGradients(this.#commands, { sums, others: waiting[i]!, count, rounded: this.#isRounded });
        });
      }
      addGradients(this.#commands, { sums: metrics, others, count: SLICE_ALIGNMENT / 4 });
    }
    if (shard === this.#shards - 1) return;
    const node = this.#waiting[level]!;
    for (const group of groups) {
      group.gradients.chunks.forEach((chunk, i) => this.#commands.copy(node.gradients.get(group)!.chunks[i]!, chunk));
    }
    this.#commands.copy(node.metrics, metrics);
  }

  /** Frees the nodes. */
  free(): void {
    for (const { gradients, metrics } of this.#waiting) {
      for (const buffers of gradients.values()) buffers.free();
      this.#commands.device.free(metrics);
    }
  }
}
