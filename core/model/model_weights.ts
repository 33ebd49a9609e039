/** What a model's parts ask of its weights, however they are stored. @module */
import type { Slice } from "../../kernels/device/slice.ts";
import type { Storage } from "../../kernels/storage/storage.ts";

/** A tensor on the device, or several whose rows lie end to end. */
export interface StoredTensor {
  /** How its numbers are stored. */
  readonly storage: Storage;
  /** Its numbers, or codes. */
  readonly data: Slice;
  /** The scales of codes; null if it is not quantized. */
  readonly scales: Slice | null;
}

/** A tensor within the matrix that it is a part of. */
export interface TensorPlace {
  /** The matrix. */
  readonly matrix: StoredTensor;
  /** Rows of the matrix. */
  readonly matrixRows: number;
  /** The matrix's row where the tensor begins. */
  readonly firstRow: number;
  /** Sizes of the tensor as a matrix; one of one dimension is a column. */
  readonly rows: number;
  /** The numbers of a row. */
  readonly columns: number;
}

/** Reads tensors one after another (see {@linkcode ModelWeights.openReader}). */
export interface TensorReader {
  /** Reads the next tensor's values as float32, in pieces. Throws DeviceError. */
  next(): AsyncGenerator<Float32Array<ArrayBuffer>>;
  /** Frees the reader's memory. */
  close(): Promise<void>;
}

/** Weights on the device. */
export interface ModelWeights {
  /** Sizes of a tensor, row-major. Throws RangeError for an unknown name. */
  shapeOf(name: string): readonly number[];
  /** One tensor, or several. Throws RangeError for an unknown name, or unless they lie end to end. */
  stored(...names: readonly string[]): StoredTensor;
  /** Where a tensor lies. Throws RangeError for an unknown name. */
  locate(name: string): TensorPlace;
  /**
   * Opens a reader of the tensors `names`, which must be read whole and in that order. A piece is valid until the one
   * after the next is requested, even if that belongs to another tensor. The caller must close the reader.
   */
  openReader(names: readonly string[]): TensorReader;
  /** Frees the buffers. */
  free(): void;
}
