/** How a matrix of frozen weights is stored: in full, in 16 bits, or as codes with a scale for each group. @module */

/**
 * A storage type. A 16-bit type has two numbers to a word, the first in its lower half. A quantized type has codes of 8
 * or 4 bits, the first in a word's lowest bits, and a scale for each group of a row's neighbours: of `int8` and `int4`
 * a binary16, of `nf4` a float32, of `int4z` a word with a binary16 and the zero in its upper half.
 *
 * - `int8`: scale · code, −127 to 127;
 * - `int4`: scale · (code − 8), 0 to 15;
 * - `int4z`: scale · (code − zero), for what GPTQ and AWQ made;
 * - `nf4`: scale · level(code), rounded to float32, with the levels of QLoRA (Dettmers et al. 2023).
 */
export type Storage = "f32" | "bf16" | "f16" | CodedStorage;

/** The storage types with codes and scales. */
export type CodedStorage = QuantizedStorage | "int4z";

/** The types that the device quantizes to. */
export type QuantizedStorage = "int8" | "int4" | "nf4";

/** Their names. */
export const QUANTIZED = ["int8", "int4", "nf4"] as const satisfies readonly QuantizedStorage[];

/** Bits of a number or code, numbers that share a scale (1 without scales), and bytes of a scale. */
export const STORAGE_FACTS: Readonly<Record<Storage, { bits: number; group: number; scaleBytes: number }>> = {
  f32: { bits: 32, group: 1, scaleBytes: 0 },
  bf16: { bits: 16, group: 1, scaleBytes: 0 },
  f16: { bits: 16, group: 1, scaleBytes: 0 },
  int8: { bits: 8, group: 32, scaleBytes: 2 },
  int4: { bits: 4, group: 32, scaleBytes: 2 },
  int4z: { bits: 4, group: 32, scaleBytes: 4 },
  nf4: { bits: 4, group: 64, scaleBytes: 4 },
};

/** Whether a type has codes and scales. */
export function isQuantized(storage: Storage): storage is CodedStorage {
  return STORAGE_FACTS[storage].scaleBytes > 0;
}

/** Elements from one row to the next: the columns, rounded up to whole groups. */
export function storedColumns(storage: Storage, columns: number): number {
  const { group } = STORAGE_FACTS[storage];
  return Math.ceil(columns / group) * group;
}

/** Bytes of a stored matrix: its numbers or codes, and its scales. */
export function storedBytes(
  storage: Storage,
  { rows, columns }: { rows: number; columns: number },
): { data: number; scales: number } {
  const { bits, group, scaleBytes } = STORAGE_FACTS[storage];
  const elements = rows * storedColumns(storage, columns);
  const scales = elements / group * scaleBytes;
  return { data: Math.ceil(elements * bits / 32) * 4, scales: Math.ceil(scales / 4) * 4 };
}

/** The 16 levels of nf4. Level 7 is zero. */
export const NF4_LEVELS: readonly number[] = [
  -1.0,
  -0.6961928009986877,
  -0.5250730514526367,
  -0.39491748809814453,
  -0.28444138169288635,
  -0.18477343022823334,
  -0.09105003625154495,
  0.0,
  0.07958029955625534,
  0.16093020141124725,
  0.24611230194568634,
  0.33791524171829224,
  0.44070982933044434,
  0.5626170039176941,
  0.7229568362236023,
  1.0,
];
