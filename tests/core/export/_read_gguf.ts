/** A reader of GGUF files for the tests, written from the published description of the format. @module */
import assert from "node:assert/strict";

/** A tensor as the file has it. */
export interface ReadTensor {
  type: number;
  /** Sizes, the innermost first. */
  sizes: number[];
  bytes: Uint8Array<ArrayBuffer>;
}

/** A file's metadata, with the number of each value's type, and its tensors. */
export interface ReadGguf {
  metadata: Map<string, { type: number | string; value: unknown }>;
  tensors: Map<string, ReadTensor>;
}

/** Bytes of a block and its elements, by the number of the type. */
const BLOCKS: Record<number, [bytes: number, elements: number]> = {
  0: [4, 1],
  1: [2, 1],
  30: [2, 1],
  2: [18, 32],
  8: [34, 32],
};

/** Reads a file, and asserts that its tensors lie one after another, aligned, and fill it. */
export async function readGguf(path: string): Promise<ReadGguf> {
  const file = await Deno.readFile(path);
  const view = new DataView(file.buffer);
  let at = 0;
  const u32 = (): number => view.getUint32((at += 4) - 4, true);
  const u64 = (): number => Number(view.getBigUint64((at += 8) - 8, true));
  const text = (): string => {
    const length = u64();
    return new TextDecoder("utf-8", { fatal: true }).decode(file.subarray(at, at += length));
  };
  const readers: Record<number, () => unknown> = {
    4: u32,
    5: () => view.getInt32((at += 4) - 4, true),
    6: () => view.getFloat32((at += 4) - 4, true),
    7: () => [false, true][file[at++]!],
    8: text,
  };
  assert.equal(new TextDecoder().decode(file.subarray(0, at += 4)), "GGUF");
  assert.equal(u32(), 3);
  const [count, keys] = [u64(), u64()];
  const metadata: ReadGguf["metadata"] = new Map();
  for (let i = 0; i < keys; i++) {
    const key = text();
    assert.ok(!metadata.has(key), key);
    const type = u32();
    if (type === 9) {
      const inner = u32();
      metadata.set(key, { type: `array of ${inner}`, value: Array.from({ length: u64() }, () => readers[inner]!()) });
    } else metadata.set(key, { type, value: readers[type]!() });
  }
  const heads = Array.from({ length: count }, () => {
    const name = text();
    const sizes = Array.from({ length: u32() }, u64);
    return { name, sizes, type: u32(), offset: u64() };
  });
  const start = Math.ceil(at / 32) * 32;
  const tensors: ReadGguf["tensors"] = new Map();
  let end = 0;
  for (const { name, sizes, type, offset } of heads) {
    assert.equal(offset, end, name);
    const [bytes, elements] = BLOCKS[type]!;
    const length = sizes.reduce((product, size) => product * size, 1) / elements * bytes;
    end = Math.ceil((offset + length) / 32) * 32;
    tensors.set(name, { type, sizes, bytes: file.slice(start + offset, start + offset + length) });
  }
  assert.equal(file.length, start + end);
  return { metadata, tensors };
}
