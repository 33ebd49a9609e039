/** Buffers on the device for a layout of parameters. @module */
import type { Device } from "../../kernels/device/device.ts";
import { joinSlices, type Slice, subslice } from "../../kernels/device/slice.ts";
import { openSliceReader } from "../../kernels/device/stream.ts";
import { elementsOf } from "./families/model_tensors.ts";
import type { MemoryPart } from "./memory_parts.ts";
import type { ModelWeights, StoredTensor, TensorPlace, TensorReader } from "./model_weights.ts";
import type { ParameterLayout, ParameterPlace } from "./parameter_layout.ts";

/** One set of buffers with a {@linkcode ParameterLayout}: weights, or gradients, or a moment. */
export class ParameterBuffers implements ModelWeights {
  /** Where each parameter lies. */
  readonly layout: ParameterLayout;
  /** The buffers, one for each chunk of the layout, f32. */
  readonly chunks: readonly Slice[];
  readonly #device: Device;
  readonly #views = new Map<string, Slice>();

  /** Allocates zero-filled chunks. Throws DeviceError if the device cannot hold them. */
  constructor(
    device: Device,
    { layout, label, part }: { layout: ParameterLayout; label: string; part: MemoryPart },
  ) {
    this.layout = layout;
    this.#device = device;
    const chunks: Slice[] = [];
    try {
      layout.chunks.forEach(({ elements }, i) => chunks.push(device.alloc(elements * 4, `${label} ${i}`, part)));
    } catch (error) {
      for (const chunk of chunks) device.free(chunk);
      throw error;
    }
    this.chunks = chunks;
  }

  /** The slice of one tensor, or of several. Throws RangeError for an unknown name, or unless they lie end to end. */
  view(...names: readonly string[]): Slice {
    const key = names.join();
    let view = this.#views.get(key);
    if (!view) this.#views.set(key, view = this.#slice(names));
    return view;
  }

  #slice(names: readonly string[]): Slice {
    const places = names.map((name) => this.place(name));
    const [first] = places;
    if (names.length === 1 && first!.partElements !== undefined) return this.#range(names[0]!);
    let end = first!.offset;
    for (const { chunk, offset, elements, partElements } of places) {
      if (chunk !== first!.chunk || offset !== end || partElements !== undefined) {
        throw new RangeError(`Cannot view [${names.join(", ")}] as one tensor: they do not lie end to end`);
      }
      end += elements * 4;
    }
    return subslice(this.chunks[first!.chunk]!, first!.offset, end - first!.offset);
  }

  /** A tensor's bytes, which in a group need not begin at slice alignment. */
  #range(name: string): Slice {
    const { chunk, offset, elements, partElements = elements } = this.place(name);
    return joinSlices(
      Array.from({ length: Math.ceil(elements / partElements) }, (_, i) => {
        const { buffer, offset: start } = this.chunks[chunk + i]!;
        return { buffer, offset: start + offset, size: Math.min(partElements, elements - i * partElements) * 4 };
      }),
    );
  }

  /** Where a tensor lies. Throws RangeError for an unknown name. */
  place(name: string): ParameterPlace {
    const place = this.layout.places.get(name);
    if (!place) throw new RangeError(`Cannot find parameter "${name}": the layout holds no such name`);
    return place;
  }

  /** Sizes of a tensor. Throws RangeError for an unknown name. */
  shapeOf(name: string): readonly number[] {
    return this.place(name).shape;
  }

  /** As {@linkcode view}. */
  stored(...names: readonly string[]): StoredTensor {
    return { storage: "f32", data: this.view(...names), scales: null };
  }

  /** A tensor as a matrix of its own. Throws RangeError for an unknown name. */
  locate(name: string): TensorPlace {
    const { shape } = this.place(name);
    const columns = shape.length > 1 ? shape.at(-1)! : 1;
    const rows = elementsOf({ shape }) / columns;
    return { matrix: this.stored(name), matrixRows: rows, firstRow: 0, rows, columns };
  }

  /** Uploads one tensor. Throws RangeError if the length differs. */
  write(name: string, data: Float32Array<ArrayBuffer>): void {
    const { elements } = this.place(name);
    if (data.length !== elements) {
      throw new RangeError(`Cannot write parameter "${name}": length is ${data.length}, expected ${elements}`);
    }
    this.writePart(name, 0, data);
  }

  /** Uploads a tensor's elements from element `first` on. Throws RangeError if they go past its end. */
  writePart(name: string, first: number, data: Float32Array<ArrayBuffer>): void {
    const { elements } = this.place(name);
    if (first + data.length > elements) {
      throw new RangeError(
        `Cannot write parameter "${name}": elements end at ${first + data.length}, expected at most ${elements}`,
      );
    }
    this.#device.write(this.#range(name), data, first * 4);
  }

  /** Reads all chunks back with one fence and returns a reader of single tensors. */
  async download(): Promise<(name: string) => Float32Array<ArrayBuffer>> {
    const chunks = await this.#device.readAll(this.chunks);
    return (name) => {
      const { chunk, offset, elements, partElements = elements } = this.place(name);
      if (partElements === elements) return new Float32Array(chunks[chunk]!, offset, elements);
      const out = new Float32Array(elements);
      for (let i = 0; i * partElements < elements; i++) {
        const length = Math.min(partElements, elements - i * partElements);
        out.set(new Float32Array(chunks[chunk + i]!, offset, length), i * partElements);
      }
      return out;
    };
  }

  /** As {@linkcode ModelWeights.openReader}. */
  openReader(names: readonly string[]): TensorReader {
    const reader = openSliceReader(this.#device, names.map((name) => this.#range(name)));
    return {
      async *next() {
        for await (const { buffer, byteOffset, byteLength } of reader.next()) {
          yield new Float32Array(buffer, byteOffset, byteLength / 4);
        }
      },
      close: () => reader.close(),
    };
  }

  /** Frees the buffers. */
  free(): void {
    for (const chunk of this.chunks) this.#device.free(chunk);
  }
}
