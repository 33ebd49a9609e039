/** Streaming writer of safetensors files. @module */
import { type Dtype, DTYPE_BYTES } from "../dtype.ts";
import { replaceFileAtomic } from "../files/atomic.ts";

/** A tensor to write. */
export interface TensorEntry {
  /** Its name in the file. */
  name: string;
  /** Storage type of the bytes. */
  dtype: Dtype;
  /** Sizes of the dimensions. */
  shape: readonly number[];
  /**
   * Its little-endian bytes, whole or in pieces, asked for when their turn comes. A piece, the last of a tensor too, is
   * being written while the next one is made: it is to stay as it is until the one after that is asked for.
   */
  bytes: () => Promise<Uint8Array> | AsyncIterable<Uint8Array>;
}

/**
 * Writes a safetensors file, whole or not at all. Throws a RangeError where a tensor's bytes do not fit its shape or
 * a name occurs twice, a UserError where the file cannot be written. `metadata` goes beside `format` into the header.
 */
export async function writeSafetensors(
  path: string,
  entries: readonly TensorEntry[],
  options: { metadata?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  await replaceFileAtomic(path, async (write) => {
    for await (const piece of safetensorsBytes(entries, options)) await write(piece);
  });
}

/**
 * The bytes of a safetensors file in pieces: each is to be done with before the one after the next is asked for. Throws
 * as {@linkcode writeSafetensors}.
 */
export async function* safetensorsBytes(
  entries: readonly TensorEntry[],
  { metadata = {} }: { metadata?: Readonly<Record<string, string>> } = {},
): AsyncGenerator<Uint8Array> {
  // Larger elements first, as the format's own writer does: every tensor then begins at a multiple of its element.
  const ordered = entries.toSorted((a, b) => DTYPE_BYTES[b.dtype] - DTYPE_BYTES[a.dtype]);
  yield encodeHeader(ordered, metadata);
  for (const entry of ordered) {
    const expected = byteLength(entry);
    let written = 0;
    for await (const piece of pieces(entry)) {
      written += piece.byteLength;
      if (written > expected) break;
      yield piece;
    }
    if (written !== expected) {
      throw new RangeError(
        `Cannot write "${entry.name}": it has ${written} bytes, expected ${expected} for ` +
          `${entry.dtype} of shape ${JSON.stringify(entry.shape)}`,
      );
    }
  }
}

function encodeHeader(entries: readonly TensorEntry[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const json = new Map<string, unknown>([["__metadata__", { format: "pt", ...metadata }]]);
  let end = 0;
  for (const entry of entries) {
    if (json.has(entry.name)) throw new RangeError(`Cannot write tensor "${entry.name}": the name occurs twice`);
    const begin = end;
    end += byteLength(entry);
    json.set(entry.name, { dtype: entry.dtype, shape: entry.shape, data_offsets: [begin, end] });
  }
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(json)));
  const length = Math.ceil(text.length / 8) * 8;
  const header = new Uint8Array(8 + length).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(text, 8);
  return header;
}

function byteLength({ dtype, shape }: TensorEntry): number {
  return shape.reduce((product, size) => product * size, 1) * DTYPE_BYTES[dtype];
}

async function* pieces(entry: TensorEntry): AsyncIterable<Uint8Array> {
  const source = entry.bytes();
  if (Symbol.asyncIterator in source) yield* source;
  else yield await source;
}
