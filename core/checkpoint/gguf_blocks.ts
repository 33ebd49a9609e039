/** Matrices that a GGUF file has as blocks: 32 neighbours of a row, a binary16 scale before their codes. @module */
import { f16ToF32 } from "../dtype.ts";
import type { CodedMatrix } from "./coded_weights.ts";
import { GGUF_TYPES } from "./gguf_types.ts";

/** The quantized types. */
export type BlockType = "Q8_0" | "Q4_0";

/** Whether a tensor's type is a quantized one. */
export function isBlockType(type: string): type is BlockType {
  return type === "Q8_0" || type === "Q4_0";
}

/** Numbers in a block. */
export const BLOCK = 32;

/**
 * Scales and codes apart, as the device holds `int8` and `int4`: of Q4_0, byte i of a block has code i and, in its
 * upper half, code i + 16.
 */
export function splitBlocks(bytes: Uint8Array, type: BlockType): CodedMatrix {
  const blockBytes = GGUF_TYPES[type].bytes;
  const count = bytes.length / blockBytes;
  const codes = new Uint8Array(count * (blockBytes - 2));
  const scales = new Uint8Array(count * 2);
  for (let block = 0; block < count; block++) {
    const at = block * blockBytes;
    const to = block * (blockBytes - 2);
    scales[2 * block] = bytes[at]!;
    scales[2 * block + 1] = bytes[at + 1]!;
    if (type === "Q8_0") {
      codes.set(bytes.subarray(at + 2, at + blockBytes), to);
      continue;
    }
    for (let i = 0; i < BLOCK / 4; i++) {
      const [a, b] = [bytes[at + 2 + 2 * i]!, bytes[at + 3 + 2 * i]!];
      codes[to + i] = (a & 15) | (b & 15) << 4;
      codes[to + BLOCK / 4 + i] = a >> 4 | b >> 4 << 4;
    }
  }
  return { codes, scales };
}

/** The scales of {@linkcode splitBlocks} as numbers. */
export function scalesOf({ scales }: CodedMatrix): Float32Array<ArrayBuffer> {
  return f16ToF32(new Uint16Array(scales.buffer, scales.byteOffset, scales.length / 2));
}

/** The float32 numbers of split blocks: scale · code, or of Q4_0 scale · (code − 8), exactly. */
export function joinBlocks(matrix: CodedMatrix, type: BlockType): Float32Array<ArrayBuffer> {
  const { codes } = matrix;
  const scales = scalesOf(matrix);
  const out = new Float32Array(scales.length * BLOCK);
  const signed = new Int8Array(codes.buffer, codes.byteOffset, codes.length);
  for (let block = 0; block < scales.length; block++) {
    const scale = scales[block]!;
    const first = block * BLOCK;
    if (type === "Q8_0") {
      for (let i = first; i < first + BLOCK; i++) out[i] = scale * signed[i]!;
      continue;
    }
    for (let i = first; i < first + BLOCK; i += 2) {
      const pair = codes[i >> 1]!;
      out[i] = scale * ((pair & 15) - 8);
      out[i + 1] = scale * ((pair >> 4) - 8);
    }
  }
  return out;
}
