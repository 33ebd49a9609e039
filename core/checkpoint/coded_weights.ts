/** Weights of which some matrices are stored as codes with scales, as quantizing programs write them. @module */
import type { CodedStorage } from "../../kernels/storage/storage.ts";
import type { Weights } from "./stored_weights.ts";

/**
 * What the dtypes of matrices in codes are on the device: those of GGUF, and names given here, where safetensors has
 * none.
 */
const CODED: Readonly<Record<string, CodedStorage>> = { NF4: "nf4", INT4Z: "int4z", Q8_0: "int8", Q4_0: "int4" };

/** The storage type of a tensor's dtype, if it is one of codes, else null. */
export function codedStorage(dtype: string): CodedStorage | null {
  return Object.hasOwn(CODED, dtype) ? CODED[dtype]! : null;
}

/** A matrix as the device holds it (kernels/storage/storage.ts). */
export interface CodedMatrix {
  /** Codes of the rows, of which each is a whole number of groups. */
  codes: Uint8Array<ArrayBuffer>;
  /** Their scales. */
  scales: Uint8Array<ArrayBuffer>;
}

/**
 * Weights whose matrices in codes are each one tensor, with a dtype of {@linkcode codedStorage}; all are read as
 * float32.
 */
export interface CodedWeights extends Weights {
  /** Reads such a matrix. */
  readCodes(name: string): Promise<CodedMatrix>;
}

/** The weights with `made`, which are read by `readCodes` and `decode`, in place of the tensors that they consist of. */
export function codedWeights(
  weights: Weights,
  { tensors, isCoded, readCodes, decode }: Pick<CodedWeights, "tensors" | "readCodes"> & {
    isCoded: (name: string) => boolean;
    /** The float32 numbers of a matrix. */
    decode: (matrix: CodedMatrix) => Float32Array<ArrayBuffer>;
  },
): CodedWeights {
  return {
    ...weights,
    tensors,
    readCodes,
    readFloat32: async (name) => isCoded(name) ? decode(await readCodes(name)) : await weights.readFloat32(name),
    async *streamFloat32(name, buffers) {
      if (isCoded(name)) yield decode(await readCodes(name));
      else yield* weights.streamFloat32(name, buffers);
    },
  };
}
