/** Quantizes in blocks of 32 numbers, to the bits of gguf-py's `quants` (and, for Q8_0, of ggml). @module */
import { BLOCK, type BlockType } from "../checkpoint/gguf_blocks.ts";
import { GGUF_TYPES } from "../checkpoint/gguf_types.ts";
import { f32ToF16 } from "../dtype.ts";

const { fround } = Math;

/**
 * Quantizes whole blocks. A block is a float16 scale d with 32 int8 (Q8_0: d = max |x| / 127, rounded half away from
 * zero) or 32 halves of bytes (Q4_0: d = x of the largest |x| / −8, so that d·(q − 8) has that x exactly). Throws a
 * RangeError if a scale is more than float16 holds.
 */
export function quantizeBlocks(values: Float32Array, type: BlockType): Uint8Array<ArrayBuffer> {
  const count = values.length / BLOCK;
  const scales = new Float32Array(count);
  const bytes = GGUF_TYPES[type].bytes;
  const out = new Uint8Array(count * bytes);
  const quantize = type === "Q8_0" ? quantizeQ8 : quantizeQ4;
  for (let i = 0; i < count; i++) {
    const block = values.subarray(i * BLOCK, (i + 1) * BLOCK);
    scales[i] = quantize(block, out.subarray(i * bytes + 2, (i + 1) * bytes));
  }
  const halves = f32ToF16(scales);
  for (let i = 0; i < count; i++) {
    const half = halves[i]!;
    if ((half & 0x7c00) === 0x7c00) {
      throw new RangeError(`a block needs the scale ${scales[i]}, expected at most 65504`);
    }
    out[i * bytes] = half & 0xff;
    out[i * bytes + 1] = half >> 8;
  }
  return out;
}

/** Each step in float32, as NumPy computes it. */
function quantizeQ8(block: Float32Array, out: Uint8Array): number {
  let most = 0;
  for (let i = 0; i < BLOCK; i++) most = Math.max(most, Math.abs(block[i]!));
  const scale = fround(most / 127);
  const inverse = inverseOf(scale);
  for (let i = 0; i < BLOCK; i++) {
    const scaled = fround(block[i]! * inverse);
    const size = Math.abs(scaled);
    const floor = Math.floor(size);
    const rounded = floor + Math.floor(2 * (size - floor));
    out[i] = scaled < 0 ? -rounded : rounded;
  }
  return scale;
}

function quantizeQ4(block: Float32Array, out: Uint8Array): number {
  let largest = 0;
  for (let i = 0; i < BLOCK; i++) if (Math.abs(block[i]!) > Math.abs(largest)) largest = block[i]!;
  const scale = fround(largest / -8);
  const inverse = inverseOf(scale);
  const half = BLOCK / 2;
  const of = (x: number): number => Math.min(15, Math.trunc(fround(fround(x * inverse) + 8.5)));
  for (let i = 0; i < half; i++) out[i] = of(block[i]!) | of(block[i + half]!) << 4;
  return scale;
}

/** 1 / scale; 0 where that is no number, as the scale is then 0 in float16. */
function inverseOf(scale: number): number {
  const inverse = fround(1 / scale);
  return Number.isFinite(inverse) ? inverse : 0;
}
