/** How the weights of a frozen model are stored on the device, and the bytes that they take. @module */
import { isQuantized, type QuantizedStorage, type Storage, storedBytes } from "../../kernels/storage/storage.ts";
import { codedStorage } from "../checkpoint/coded_weights.ts";
import { UserError } from "../error.ts";
import { quote } from "../values.ts";
import type { ModelConfig } from "./families/family.ts";
import { elementsOf, type ParameterShape } from "./families/model_tensors.ts";
import { checkBound, decoderGroups, type LayoutLimits } from "./plan_decoder.ts";

/** Tensors whose rows lie end to end and act as one matrix. */
export interface FrozenGroup {
  readonly tensors: readonly ParameterShape[];
  readonly storage: Storage;
  /** Sizes of the matrix; tensors of one dimension make one column. */
  readonly rows: number;
  readonly columns: number;
  readonly bytes: { readonly data: number; readonly scales: number };
  /** Rows in each buffer but the last; all of them where one holds it. */
  readonly partRows: number;
}

/** What {@linkcode planFrozen} goes by. */
export interface FrozenOptions {
  /** The storage type of a tensor in its file, as safetensors spells it. */
  dtypeOf(name: string): string;
  /** Quantizes the linear layers but the LM head; `none` keeps them as they are. */
  quantization: QuantizedStorage | "none";
  limits: LayoutLimits;
}

/**
 * Plans the storage: matrices as their files have them, or quantized. Vectors are held in float32, since they are
 * small; so are matrices that no kernel reads in 16 bits: those with an odd number of columns, and those that act as
 * one and are not all of one type. The embedding and the LM head are cut by rows where no buffer holds them. Throws
 * DeviceError if a matrix of a layer is larger than one binding.
 */
export function planFrozen(config: ModelConfig, options: FrozenOptions): FrozenGroup[] {
  const { bound, windowed: { embedding, head } } = decoderGroups(config);
  const { quantization, limits } = options;
  const maxBindingBytes = Math.min(limits.maxBindingBytes, limits.maxBufferBytes);
  const groups = bound.map((tensors) => {
    const isLinear = tensors[0]!.shape.length > 1;
    const storage = fileStorage(tensors, options);
    if (isLinear && quantization !== "none" && tensors.some(({ name }) => codedStorage(options.dtypeOf(name)))) {
      throw new UserError(
        `Cannot quantize ${
          quote(tensors[0]!.name)
        } to ${quantization}: its file has it as codes already, expected quantization: none`,
      );
    }
    const group = groupOf(tensors, isLinear && quantization !== "none" ? quantization : storage);
    checkBound(tensors, { bytes: Math.max(group.bytes.data, group.bytes.scales), maxBindingBytes });
    return group;
  });
  const vocabulary = head === embedding ? [[embedding]] : [[embedding], [head]];
  return [
    ...groups,
    ...vocabulary.map((tensors) => {
      const storage = fileStorage(tensors, options);
      return cutGroup(groupOf(tensors, isQuantized(storage) ? "f32" : storage), limits);
    }),
  ];
}

function cutGroup(group: FrozenGroup, { maxBufferBytes, cutRows }: LayoutLimits): FrozenGroup {
  const { storage, rows, columns, bytes: { data } } = group;
  if (data <= maxBufferBytes) return group;
  const blockBytes = storedBytes(storage, { rows: cutRows, columns }).data;
  const partRows = Math.floor(maxBufferBytes / blockBytes) * cutRows;
  // Where not even a block fits, the allocation says so.
  return { ...group, partRows: partRows > 0 ? partRows : rows };
}

function groupOf(tensors: readonly ParameterShape[], storage: Storage): FrozenGroup {
  const columns = tensors[0]!.shape.length > 1 ? tensors[0]!.shape.at(-1)! : 1;
  const rows = sumOf(tensors) / columns;
  return { tensors, storage, rows, columns, bytes: storedBytes(storage, { rows, columns }), partRows: rows };
}

function sumOf(tensors: readonly ParameterShape[]): number {
  return tensors.reduce((sum, tensor) => sum + elementsOf(tensor), 0);
}

function fileStorage(tensors: readonly ParameterShape[], { dtypeOf }: FrozenOptions): Storage {
  const [dtype, ...others] = new Set(tensors.map(({ name }) => dtypeOf(name)));
  const coded = others.length === 0 ? codedStorage(dtype!) : null;
  if (coded) return coded;
  const isHalf = others.length === 0 && (dtype === "BF16" || dtype === "F16");
  const { shape } = tensors[0]!;
  if (!isHalf || shape.length === 1 || shape.at(-1)! % 2 !== 0) return "f32";
  return dtype === "BF16" ? "bf16" : "f16";
}

/** Rows of a tensor of a quantized group that are uploaded at a time, in float32 at most. */
export function rowsAtOnce({ columns }: Pick<FrozenGroup, "columns">): number {
  return Math.max(1, Math.floor(QUANTIZE_BYTES / (4 * columns)));
}

const QUANTIZE_BYTES = 16 * 2 ** 20;

/** Bytes of the numbers that wait for their quantization while a model is loaded; 0 if none is quantized then. */
export function loadScratchBytes(groups: readonly FrozenGroup[], isMade: (group: FrozenGroup) => boolean): number {
  let most = 0;
  for (const group of groups) {
    if (!isQuantized(group.storage) || !isMade(group)) continue;
    const { tensors, columns } = group;
    for (const { shape } of tensors) {
      most = Math.max(most, Math.min(shape[0]!, rowsAtOnce({ columns })) * columns * 4);
    }
  }
  return most;
}
