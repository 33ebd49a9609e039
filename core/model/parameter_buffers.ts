/** Buffers on the device for a layout of parameters. @module */
import type { Device } from "../../kernels/device/device.ts";
import { type Slice, subslice } from "../../kernels/device/slice.ts";
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
    let end = first!.offset;
    for (const { chunk, offset, elements } of places) {
      if (chunk !== first!.chunk || offset !== end) {
        throw new RangeError(`Cannot view [${names.join(", ")}] as one tensor: they do not lie end to end`);
      }
      end += elements * 4;
    }
    return subslice(this.chunks[first!.chunk]!, first!.offset, end - first!.offset);
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
    const { chunk, offset, elements } = this.place(name);
    if (first + data.length > elements) {
      throw new RangeError(
        `Cannot write parameter "${name}": elements end at ${first + data.length}, expected at most ${elements}`,
      );
    }
    this.#device.write(this.chunks[chunk]!, data, offset + first * 4);
  }

  /** Reads all chunks back with one fence and returns a reader of single tensors. */
  async download(): Promise<(name: string) => Float32Array<ArrayBuffer>> {
    const chunks = await this.#device.readAll(this.chunks);
    return (name) => {
      const { chunk, offset, elements } = this.place(name);
      return new Float32Array(chunks[chunk]!, offset, elements);
    };
  }

  /** As {@linkcode ModelWeights.openReader}. */
  openReader(names: readonly string[]): TensorReader {
    const slices = names.map((name) => {
      const { chunk, offset, elements } = this.place(name);
      const { buffer, offset: start } = this.chunks[chunk]!;
      return { buffer, offset: start + offset, size: elements * 4 };
    });
    const reader = openSliceReader(this.#device, slices);
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
