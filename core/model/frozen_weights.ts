/** The weights of a model that is not trained, in the storage types of its files or quantized. @module */
import type { Device } from "../../kernels/device/device.ts";
import { joinSlices, type Slice } from "../../kernels/device/slice.ts";
import { storedBytes } from "../../kernels/storage/storage.ts";
import { cutRows } from "../../kernels/window.ts";
import { elementsOf } from "./families/model_tensors.ts";
import type { FrozenGroup } from "./frozen_plan.ts";
import type { MemoryPart } from "./memory_parts.ts";
import type { ModelWeights, StoredTensor, TensorPlace, TensorReader } from "./model_weights.ts";
import { openStoredReader } from "./stored_reader.ts";

/** A group on the device, with its tensors' rows. */
interface Held extends StoredTensor {
  readonly group: FrozenGroup;
}

/** Frozen weights: a buffer for each group of tensors that act as one (or several, of rows), and one for its scales. */
export class FrozenWeights implements ModelWeights {
  readonly #device: Device;
  /** All that was allocated. */
  readonly #slices: Slice[] = [];
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
    const { name } = tensors[0]!;
    const slice = (bytes: number, what: string): Slice => {
      const made = alloc(bytes, what);
      this.#slices.push(made);
      return made;
    };
    const data = joinSlices(partBytes(group).map((bytes) => slice(bytes, name)));
    const held = { group, storage, data, scales: bytes.scales > 0 ? slice(bytes.scales, `scales of ${name}`) : null };
    this.#groups.set(name, held);
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
    for (const slice of this.#slices.splice(0)) this.#device.free(slice);
    this.#groups.clear();
  }
}

/** Bytes of the group's numbers or codes in each of its buffers. */
function partBytes({ storage, rows, columns, partRows }: FrozenGroup): number[] {
  return cutRows(rows, partRows).map(({ rows }) => storedBytes(storage, { rows, columns }).data);
}
