/** Writes safetensors files as streams. @module */
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
   * Returns its little-endian bytes, whole or in pieces; called when their turn comes. Each piece, the last one of a
   * tensor too, is being written while the next one is made, so it must stay unchanged until the one after that is
   * asked for.
   */
  bytes: () => Promise<Uint8Array> | AsyncIterable<Uint8Array>;
}

/**
 * Writes a safetensors file, whole or not at all. `metadata` is written beside `format` into the header. Throws a
 * RangeError if a tensor's bytes do not fit its shape or a name occurs twice, and a UserError if the file cannot be
 * written.
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
 * Yields the bytes of a safetensors file in pieces. The caller must have finished with a piece before it asks for the
 * one after the next. Throws a RangeError as {@linkcode writeSafetensors} does.
 */
export async function* safetensorsBytes(
  entries: readonly TensorEntry[],
  { metadata = {} }: { metadata?: Readonly<Record<string, string>> } = {},
): AsyncGenerator<Uint8Array> {
  // Larger elements come first, as in the format's own writer: every tensor then begins at a multiple of its element.
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
