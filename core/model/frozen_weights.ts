/** The weights of a model that is not trained, in the storage types of its files or quantized. @module */
import type { Device } from "../../kernels/device/device.ts";
import type { Slice } from "../../kernels/device/slice.ts";
import { elementsOf } from "./families/model_tensors.ts";
import type { FrozenGroup } from "./frozen_plan.ts";
import type { MemoryPart } from "./memory_parts.ts";
import type { ModelWeights, StoredTensor, TensorPlace, TensorReader } from "./model_weights.ts";
import { openStoredReader } from "./stored_reader.ts";

/** A group on the device, with its tensors' rows. */
interface Held extends StoredTensor {
  readonly group: FrozenGroup;
}

/** Frozen weights: a buffer for each group of tensors that act as one, and one for its scales. */
export class FrozenWeights implements ModelWeights {
  readonly #device: Device;
  readonly #groups = new Map<string, Held>();
  readonly #places = new Map<string, TensorPlace & { shape: readonly number[] }>();

  /** Allocates zero-filled buffers. Throws DeviceError if the device cannot hold them. */
  constructor(
    device: Device,
    { groups, label, part }: { groups: readonly FrozenGroup[]; label: string; part: MemoryPart },
  ) {
    this.#device = device;
    try {
      for (const group of groups) this.#hold(group, (bytes, what) => device.alloc(bytes, `${label} ${what}`, part));
    } catch (error) {
      this.free();
      throw error;
    }
  }

  #hold(group: FrozenGroup, alloc: (bytes: number, what: string) => Slice): void {
    const { tensors, storage, rows: matrixRows, columns, bytes } = group;
    const data = alloc(bytes.data, tensors[0]!.name);
    // Known before the scales, so that it is freed if there is no memory for these.
    const held: { -readonly [K in keyof Held]: Held[K] } = { group, storage, data, scales: null };
    this.#groups.set(tensors[0]!.name, held);
    if (bytes.scales > 0) held.scales = alloc(bytes.scales, `scales of ${tensors[0]!.name}`);
    let firstRow = 0;
    for (const tensor of tensors) {
      const rows = elementsOf(tensor) / columns;
      this.#places.set(tensor.name, { shape: tensor.shape, matrix: held, matrixRows, firstRow, rows, columns });
      firstRow += rows;
    }
  }

  /** As {@linkcode ModelWeights.shapeOf}. */
  shapeOf(name: string): readonly number[] {
    return this.#place(name).shape;
  }

  /** The tensors of a group. Throws RangeError unless `names` are all of one. */
  stored(...names: readonly string[]): StoredTensor {
    const held = this.#groups.get(names[0]!);
    if (held?.group.tensors.map(({ name }) => name).join() !== names.join()) {
      throw new RangeError(`Cannot view [${names.join(", ")}] as one tensor: they are not all that act as one`);
    }
    return held;
  }

  /** As {@linkcode ModelWeights.locate}. */
  locate(name: string): TensorPlace {
    return this.#place(name);
  }

  #place(name: string): TensorPlace & { shape: readonly number[] } {
    const place = this.#places.get(name);
    if (!place) throw new RangeError(`Cannot find parameter "${name}": the layout holds no such name`);
    return place;
  }

  /** As {@linkcode ModelWeights.openReader}. */
  openReader(names: readonly string[]): TensorReader {
    return openStoredReader(this.#device, { weights: this, names });
  }

  /** Frees the buffers. */
  free(): void {
    for (const { data, scales } of this.#groups.values()) {
      this.#device.free(data);
      if (scales) this.#device.free(scales);
    }
    this.#groups.clear();
  }
}
