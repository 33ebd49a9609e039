/** Matrices in every storage type, made on the host: the reference of the kernels that quantize and dequantize. @module */
import { f16ToF32, f32ToBf16, f32ToF16 } from "../../core/dtype.ts";
import { NF4_LEVELS, type Storage, STORAGE_FACTS, storedColumns } from "../../kernels/storage/storage.ts";

/** A stored matrix, and the float32 numbers that it stands for. */
export interface StoredMatrix {
  data: Uint32Array<ArrayBuffer>;
  scales: Uint32Array<ArrayBuffer> | null;
  /** [rows, columns], without padding. */
  values: Float32Array<ArrayBuffer>;
}

/** Stores f32 [rows, columns], with float64 arithmetic on the codes. */
export function storeMatrix(
  storage: Storage,
  values: Float32Array<ArrayBuffer>,
  { rows, columns }: { rows: number; columns: number },
): StoredMatrix {
  if (storage === "f32") return { data: new Uint32Array(values.buffer), scales: null, values };
  if (storage === "bf16" || storage === "f16") {
    const bits = storage === "bf16" ? f32ToBf16(values) : f32ToF16(values);
    const kept = storage === "bf16"
      ? new Float32Array(Uint32Array.from(bits, (half) => half << 16).buffer)
      : f16ToF32(bits);
    return { data: packed(bits, 16), scales: null, values: kept };
  }
  const { bits, group, scaleBytes } = STORAGE_FACTS[storage];
  const stride = storedColumns(storage, columns);
  const codes = new Uint8Array(rows * stride);
  const scales = new Float32Array(rows * stride / group);
  const kept = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let first = 0; first < stride; first += group) {
      const part = values.subarray(row * columns + first, row * columns + Math.min(columns, first + group));
      const at = row * stride + first;
      const scale = scales[at / group] = SCALES[storage](part);
      for (let i = 0; i < group; i++) {
        const code = CODES[storage](part[i] ?? 0, scale);
        codes[at + i] = code;
        if (i < part.length) kept[row * columns + first + i] = VALUES[storage](code, scale);
      }
    }
  }
  return {
    data: packed(codes, bits),
    scales: scaleBytes === 4 ? new Uint32Array(scales.buffer) : packed(f32ToF16(scales), 16),
    values: kept,
  };
}

function packed(values: ArrayLike<number>, bits: number): Uint32Array<ArrayBuffer> {
  const per = 32 / bits;
  const words = new Uint32Array(Math.ceil(values.length / per));
  for (let i = 0; i < values.length; i++) {
    words[Math.floor(i / per)]! |= (values[i]! & (2 ** bits - 1)) << (i % per * bits);
  }
  return words;
}

type Quantized = "int8" | "int4" | "nf4";

const f16 = (value: number): number => f16ToF32(f32ToF16(Float32Array.of(value)))[0]!;

/** The first number of the largest size. */
const furthest = (part: Float32Array): number => part.reduce((a, b) => Math.abs(b) > Math.abs(a) ? b : a, 0);

const SCALES: Record<Quantized, (part: Float32Array) => number> = {
  int8: (part) => f16(Math.abs(furthest(part)) / 127),
  int4: (part) => f16(furthest(part) / -8),
  nf4: (part) => Math.abs(furthest(part)),
};

const CODES: Record<Quantized, (value: number, scale: number) => number> = {
  int8: (value, scale) => scale === 0 ? 0 : Math.max(-127, Math.min(127, roundHalfEven(value / scale))) & 0xff,
  int4: (value, scale) => scale === 0 ? 8 : Math.max(0, Math.min(15, Math.floor(value / scale + 8.5))),
  nf4: (value, scale) => {
    if (scale === 0) return 7;
    const distances = NF4_LEVELS.map((level) => Math.abs(value / scale - Math.fround(level)));
    return distances.indexOf(Math.min(...distances));
  },
};

const VALUES: Record<Quantized, (code: number, scale: number) => number> = {
  int8: (code, scale) => scale * (code << 24 >> 24),
  int4: (code, scale) => scale * (code - 8),
  nf4: (code, scale) => Math.fround(scale * Math.fround(NF4_LEVELS[code]!)),
};

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}
