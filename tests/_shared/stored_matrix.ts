/** Matrices in every storage type, made on the host: the reference of the kernels that quantize and dequantize. @module */
import { f16ToF32, f32ToBf16, f32ToF16 } from "../../core/dtype.ts";
import {
  type CodedStorage,
  NF4_LEVELS,
  type Storage,
  STORAGE_FACTS,
  storedColumns,
} from "../../kernels/storage/storage.ts";

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
  const scales = new Uint32Array(rows * stride / group);
  const kept = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let first = 0; first < stride; first += group) {
      const part = values.subarray(row * columns + first, row * columns + Math.min(columns, first + group));
      const at = row * stride + first;
      const made = GROUPS[storage](part);
      scales[at / group] = made.stored;
      for (let i = 0; i < group; i++) {
        const code = made.code(part[i] ?? 0);
        codes[at + i] = code;
        if (i < part.length) kept[row * columns + first + i] = made.value(code);
      }
    }
  }
  return { data: packed(codes, bits), scales: packed(scales, 8 * scaleBytes), values: kept };
}

function packed(values: ArrayLike<number>, bits: number): Uint32Array<ArrayBuffer> {
  const per = 32 / bits;
  const words = new Uint32Array(Math.ceil(values.length / per));
  for (let i = 0; i < values.length; i++) {
    words[Math.floor(i / per)]! |= (values[i]! & (2 ** bits - 1)) << (i % per * bits);
  }
  return words;
}

/** A group: its scale's bits, the code of a number, and the number of a code. */
interface Group {
  stored: number;
  code: (value: number) => number;
  value: (code: number) => number;
}

const halfBits = (value: number): number => f32ToF16(Float32Array.of(value))[0]!;
const ofHalf = (bits: number): number => f16ToF32(Uint16Array.of(bits))[0]!;
const clamp = (value: number, least: number, most: number): number => Math.max(least, Math.min(most, value));

/** The first number of the largest size. */
const furthest = (part: Float32Array): number => part.reduce((a, b) => Math.abs(b) > Math.abs(a) ? b : a, 0);

const GROUPS: Readonly<Record<CodedStorage, (part: Float32Array) => Group>> = {
  int8(part) {
    const stored = halfBits(Math.abs(furthest(part)) / 127);
    const scale = ofHalf(stored);
    return {
      stored,
      code: (value) => scale === 0 ? 0 : clamp(roundHalfEven(value / scale), -127, 127) & 0xff,
      value: (code) => scale * (code << 24 >> 24),
    };
  },
  int4(part) {
    const stored = halfBits(furthest(part) / -8);
    const scale = ofHalf(stored);
    return {
      stored,
      code: (value) => scale === 0 ? 8 : clamp(Math.floor(value / scale + 8.5), 0, 15),
      value: (code) => scale * (code - 8),
    };
  },
  int4z(part) {
    const [least, most] = [Math.min(0, ...part), Math.max(0, ...part)];
    const half = halfBits((most - least) / 15);
    const scale = ofHalf(half);
    const zero = scale === 0 ? 0 : Math.round(-least / scale);
    return {
      stored: half | zero << 16,
      code: (value) => scale === 0 ? 0 : clamp(Math.round(value / scale) + zero, 0, 15),
      value: (code) => scale * (code - zero),
    };
  },
  nf4(part) {
    const scale = Math.abs(furthest(part));
    const levels = NF4_LEVELS.map(Math.fround);
    return {
      stored: new Uint32Array(Float32Array.of(scale).buffer)[0]!,
      code(value) {
        if (scale === 0) return 7;
        const distances = levels.map((level) => Math.abs(value / scale - level));
        return distances.indexOf(Math.min(...distances));
      },
      value: (code) => Math.fround(scale * levels[code]!),
    };
  },
};

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}
