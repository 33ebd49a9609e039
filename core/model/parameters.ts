/** Where the parameters of a model live: a few flat device buffers ("chunks") that optimizers and norms sweep. @module */
import { alignSlice, type Device, type Slice, subslice } from "../../kernels/device/device.ts";
import { openSliceReader } from "../../kernels/device/stream.ts";
import type { ParameterShape } from "../checkpoint/parameter_shapes.ts";
import type { MemoryPart } from "./memory_parts.ts";

/** A place in a chunk. */
export interface ParameterPlace {
  readonly shape: readonly number[];
  readonly chunk: number;
  /** Bytes from the chunk's start. */
  readonly offset: number;
  readonly elements: number;
}

/** A flat buffer's sizes: all its elements, and how many of them (the leading ones) weight decay applies to. */
export interface ChunkSize {
  readonly elements: number;
  readonly decayed: number;
}

/** The plan that weights, gradients and optimizer moments share. */
export interface ParameterLayout {
  readonly places: ReadonlyMap<string, ParameterPlace>;
  readonly chunks: readonly ChunkSize[];
}

/**
 * Plans the chunks. Tensors of one group lie end to end without a gap, so that q, k and v are also one matrix; groups
 * start at slice alignment. A chunk stays within one binding unless a single tensor is larger. Tensors of one dimension
 * come after all others, as they do not decay (Hugging Face's Trainer).
 */
export function planParameters(
  groups: readonly (readonly ParameterShape[])[],
  maxBindingBytes: number,
): ParameterLayout {
  const places = new Map<string, ParameterPlace>();
  const chunks: { elements: number; decayed: number }[] = [];
  const limit = Math.floor(maxBindingBytes / 4);
  const count = (p: ParameterShape): number => p.shape.reduce((a, b) => a * b, 1);
  const isDecayed = (group: readonly ParameterShape[]): boolean => group.every((p) => p.shape.length > 1);
  for (const decayed of [true, false]) {
    for (const group of groups.filter((g) => isDecayed(g) === decayed)) {
      const elements = group.reduce((sum, p) => sum + count(p), 0);
      const padded = alignSlice(elements * 4) / 4;
      let chunk = chunks.at(-1);
      if (!chunk || chunk.elements + padded > limit) chunks.push(chunk = { elements: 0, decayed: 0 });
      let offset = chunk.elements * 4;
      for (const p of group) {
        places.set(p.name, { shape: p.shape, chunk: chunks.length - 1, offset, elements: count(p) });
        offset += count(p) * 4;
      }
      chunk.elements += padded;
      if (decayed) chunk.decayed = chunk.elements;
    }
  }
  return { places, chunks };
}

/** Reads tensors one after another, as {@linkcode ParameterBuffers.openReader} says. */
export interface TensorReader {
  /** The next tensor's values in pieces. Throws DeviceError. */
  next(): AsyncGenerator<Float32Array<ArrayBuffer>>;
  /** Gives its memory back. */
  close(): Promise<void>;
}

/** One set of buffers with a {@linkcode ParameterLayout}: weights, or gradients, or a moment. */
export class ParameterBuffers {
  readonly layout: ParameterLayout;
  readonly chunks: readonly Slice[];
  readonly #device: Device;
  readonly #views = new Map<string, Slice>();

  /** Allocates zero-filled chunks; throws DeviceError where the device cannot hold them. */
  constructor(
    device: Device,
    { layout, label, part }: { layout: ParameterLayout; label: string; part: MemoryPart },
  ) {
    this.layout = layout;
    this.#device = device;
    this.chunks = layout.chunks.map((chunk, i) => device.alloc(chunk.elements * 4, `${label} ${i}`, part));
  }

  /** The slice of one tensor, or of several that lie end to end. Throws RangeError for a name that is not there. */
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

  /** Where a tensor lies. Throws RangeError for a name that is not there. */
  place(name: string): ParameterPlace {
    const place = this.layout.places.get(name);
    if (!place) throw new RangeError(`Cannot find parameter "${name}": the layout holds no such name`);
    return place;
  }

  /** Uploads one tensor. Throws RangeError where the length differs. */
  write(name: string, data: Float32Array<ArrayBuffer>): void {
    const { elements } = this.place(name);
    if (data.length !== elements) {
      throw new RangeError(`Cannot write parameter "${name}": length is ${data.length}, expected ${elements}`);
    }
    this.writePart(name, 0, data);
  }

  /** Uploads a tensor's elements from element `first` on. Throws RangeError where they pass its end. */
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

  /**
   * Opens a reader of the tensors `names`, which are to be read in that order, whole. A piece is valid until the one
   * after the next is asked for, over all tensors. Close it.
   */
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
