/**
 * Yields GGUF files as streams: version 3, little-endian, aligned to 32 bytes
 * (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).
 *
 * @module
 */
import { GGUF_MAGIC, GGUF_TYPES, type GgufType } from "../checkpoint/gguf_types.ts";

/** A value of the metadata. */
export type GgufValue =
  | { readonly uint32: number }
  | { readonly float32: number }
  | { readonly bool: boolean }
  | { readonly text: string }
  | { readonly texts: readonly string[] }
  | { readonly float32s: readonly number[] }
  | { readonly int32s: readonly number[] };

/** A tensor to write. */
export interface GgufTensor {
  /** Its name in the file. */
  readonly name: string;
  readonly type: GgufType;
  /** Sizes of the dimensions, the outermost first as in safetensors; the file has them in the other order. */
  readonly shape: readonly number[];
  /** Returns its bytes in pieces; called when their turn comes. */
  readonly bytes: () => AsyncIterable<Uint8Array>;
}

/** What a file holds; the metadata in the order in which it is written. */
export interface GgufContents {
  readonly metadata: readonly (readonly [key: string, value: GgufValue])[];
  readonly tensors: readonly GgufTensor[];
}

const VERSION = 3;
const ALIGNMENT = 32;

/** The numbers that stand for types of values. */
const VALUE_TYPES = { int32: 5, uint32: 4, float32: 6, bool: 7, text: 8, array: 9 } as const;

/** Yields the bytes of a file. Throws a RangeError if a tensor's bytes do not fit its shape. */
export async function* ggufBytes(contents: GgufContents): AsyncGenerator<Uint8Array> {
  yield encodeHead(contents);
  for (const tensor of contents.tensors) {
    const expected = bytesOfTensor(tensor);
    let written = 0;
    for await (const piece of tensor.bytes()) {
      written += piece.byteLength;
      if (written > expected) break;
      yield piece;
    }
    if (written !== expected) {
      throw new RangeError(`Cannot write "${tensor.name}": it has ${written} bytes, expected ${expected}`);
    }
    yield new Uint8Array(aligned(expected) - expected);
  }
}

/** Everything before the tensors' bytes. */
function encodeHead({ metadata, tensors }: GgufContents): Uint8Array {
  const out = new HeadWriter();
  out.uint32(GGUF_MAGIC);
  out.uint32(VERSION);
  out.uint64(tensors.length);
  out.uint64(metadata.length);
  for (const [key, value] of metadata) {
    out.text(key);
    writeValue(out, value);
  }
  let offset = 0;
  for (const tensor of tensors) {
    out.text(tensor.name);
    out.uint32(tensor.shape.length);
    for (const size of tensor.shape.toReversed()) out.uint64(size);
    out.uint32(GGUF_TYPES[tensor.type].id);
    out.uint64(offset);
    offset += aligned(bytesOfTensor(tensor));
  }
  return out.finish();
}

function writeValue(out: HeadWriter, value: GgufValue): void {
  const array = <T>(type: keyof typeof VALUE_TYPES, items: readonly T[], write: (item: T) => void): void => {
    out.uint32(VALUE_TYPES.array);
    out.uint32(VALUE_TYPES[type]);
    out.uint64(items.length);
    for (const item of items) write(item);
  };
  const scalar = (type: keyof typeof VALUE_TYPES): HeadWriter => {
    out.uint32(VALUE_TYPES[type]);
    return out;
  };
  if ("uint32" in value) scalar("uint32").uint32(value.uint32);
  else if ("float32" in value) scalar("float32").float32(value.float32);
  else if ("bool" in value) scalar("bool").byte(value.bool ? 1 : 0);
  else if ("text" in value) scalar("text").text(value.text);
  else if ("texts" in value) array("text", value.texts, (item) => out.text(item));
  else if ("float32s" in value) array("float32", value.float32s, (item) => out.float32(item));
  else array("int32", value.int32s, (item) => out.uint32(item >>> 0));
}

/** How many bytes a tensor has in the file. */
export function bytesOfTensor({ type, shape }: GgufTensor): number {
  const { elements, bytes } = GGUF_TYPES[type];
  return shape.reduce((product, size) => product * size, 1) / elements * bytes;
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

const encoder = new TextEncoder();

/** Bytes that grow at their end. */
class HeadWriter {
  #bytes = new Uint8Array(1 << 16);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  byte(value: number): void {
    const at = this.#advance(1);
    this.#view.setUint8(at, value);
  }

  uint32(value: number): void {
    const at = this.#advance(4);
    this.#view.setUint32(at, value, true);
  }

  uint64(value: number): void {
    const at = this.#advance(8);
    this.#view.setBigUint64(at, BigInt(value), true);
  }

  float32(value: number): void {
    const at = this.#advance(4);
    this.#view.setFloat32(at, value, true);
  }

  text(value: string): void {
    const bytes = encoder.encode(value);
    this.uint64(bytes.length);
    const at = this.#advance(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** All bytes, with zeros up to the alignment. */
  finish(): Uint8Array {
    this.#advance(aligned(this.#length) - this.#length);
    return this.#bytes.subarray(0, this.#length);
  }

  /** Makes room for `count` bytes, and returns where they begin. */
  #advance(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#length);
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}
