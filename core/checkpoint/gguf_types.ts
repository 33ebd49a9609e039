/**
 * The numbers by which GGUF files name what they hold
 * (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).
 *
 * @module
 */

/** The first four bytes of a file, `GGUF`, as a little-endian number. */
export const GGUF_MAGIC = 0x46554747;

/** Types of tensors: the number that stands for each, and how many elements a block of how many bytes holds. */
export const GGUF_TYPES = {
  F32: { id: 0, elements: 1, bytes: 4 },
  F16: { id: 1, elements: 1, bytes: 2 },
  Q4_0: { id: 2, elements: 32, bytes: 18 },
  Q8_0: { id: 8, elements: 32, bytes: 34 },
  BF16: { id: 30, elements: 1, bytes: 2 },
} as const satisfies Readonly<Record<string, { id: number; elements: number; bytes: number }>>;

/** A type of tensors. */
export type GgufType = keyof typeof GGUF_TYPES;

/** The numbers of `tokenizer.ggml.token_type`. */
export const TOKEN_TYPES = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;
