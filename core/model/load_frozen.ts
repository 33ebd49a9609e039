/** Loads frozen weights: as bytes, as their files have them, or quantized on the device. @module */
import { Commands } from "../../kernels/device/commands.ts";
import type { Device } from "../../kernels/device/device.ts";
import { quantize, type QuantizeSource } from "../../kernels/storage/quantize.ts";
import { isQuantized, type QuantizedStorage, storedBytes } from "../../kernels/storage/storage.ts";
import { codedStorage } from "../checkpoint/coded_weights.ts";
import type { ModelFolder } from "../checkpoint/model_folder.ts";
import { PIECE_BYTES } from "../checkpoint/stored_weights.ts";
import { DTYPE_BYTES, isDtype } from "../dtype.ts";
import { UserError } from "../error.ts";
import { PieceBuffers } from "../files/piece_buffers.ts";
import { quote } from "../values.ts";
import type { ModelConfig } from "./families/family.ts";
import { elementsOf, type ParameterShape } from "./families/model_tensors.ts";
import { type FrozenGroup, loadScratchBytes, planFrozen, rowsAtOnce } from "./frozen_plan.ts";
import { FrozenWeights } from "./frozen_weights.ts";
import type { MemoryPart } from "./memory_parts.ts";
import { layoutLimits } from "./plan_decoder.ts";
import { ahead } from "./tensor_pieces.ts";

/** The files of a model or a reward model. */
export type FrozenSource = Pick<
  ModelFolder,
  "dir" | "dtypeOf" | "readCodes" | "readStored" | "readTensor" | "streamTensor"
>;

/** What {@linkcode allocFrozen} allocates. */
export interface FrozenAllocation {
  config: ModelConfig;
  source: Pick<FrozenSource, "dtypeOf">;
  quantization: QuantizedStorage | "none";
  label: string;
  part: MemoryPart;
}

/** Allocates frozen weights. Throws DeviceError if the device is too small. */
export function allocFrozen(
  device: Device,
  { config, source, quantization, label, part }: FrozenAllocation,
): { groups: readonly FrozenGroup[]; weights: FrozenWeights } {
  const groups = planFrozen(config, {
    dtypeOf: (name) => source.dtypeOf(name),
    quantization,
    limits: layoutLimits(device, config),
  });
  return { groups, weights: new FrozenWeights(device, { groups, label, part }) };
}

/** Allocates what {@linkcode loadFrozen} needs while it loads; null if that is nothing. */
export function allocLoadScratch(device: Device, groups: readonly FrozenGroup[], source: FrozenAllocation["source"]) {
  const bytes = loadScratchBytes(groups, (group) => !isStoredCoded(group, source));
  return bytes === 0
    ? null
    : { piece: device.alloc(bytes, "numbers to quantize"), bad: device.alloc(4, "quantized badly") };
}

/**
 * Loads frozen weights. Throws a UserError naming file and tensor, also for a number that cannot be quantized, or a
 * DeviceError if the device is too small.
 */
export async function loadFrozen(
  device: Device,
  { source, ...options }: FrozenAllocation & { source: FrozenSource },
): Promise<FrozenWeights> {
  const { groups, weights } = allocFrozen(device, { source, ...options });
  using held = new DisposableStack();
  held.defer(() => weights.free());
  using scratch = new DisposableStack();
  const commands = scratch.use(new Commands(device));
  const waiting = allocLoadScratch(device, groups, source);
  if (waiting) scratch.defer(() => [waiting.piece, waiting.bad].forEach((slice) => device.free(slice)));
  const tensors = groups.flatMap(({ tensors }) => tensors);
  for await (const { tensor, group, first, bytes, dtype, scales: madeScales } of ahead(pieces(groups, source))) {
    const { matrix, firstRow, columns } = weights.locate(tensor.name);
    const { storage, data, scales } = matrix;
    if (isQuantized(storage) && madeScales) {
      device.write(data, bytes, storedBytes(storage, { rows: firstRow, columns }).data);
      if (madeScales.length > 0) device.write(scales!, madeScales);
      continue;
    }
    if (!isQuantized(storage)) {
      const start = elementsOf({ shape: [firstRow, columns] }) * BYTES[storage];
      device.write(data, bytes, start + first);
      continue;
    }
    const { piece, bad } = waiting!;
    device.write(piece, wholeWords(bytes));
    quantize(commands, {
      data,
      scales: scales!,
      // Whatever else has codes has them in its files.
      storage: storage as QuantizedStorage,
      bad,
      mark: tensors.indexOf(tensor) + 1,
      x: piece,
      sourceStorage: dtype,
      firstRow: firstRow + first,
      rows: Math.min(rowsAtOnce(group), tensor.shape[0]! - first),
      columns,
    });
    commands.submit();
  }
  if (waiting) {
    const [mark] = new Uint32Array(await device.read(waiting.bad));
    if (mark! > 0) {
      throw new UserError(
        `Cannot quantize ${quote(tensors[mark! - 1]!.name)} of ${source.dir} to ${options.quantization}: it holds a ` +
          "number that is not finite or too large, expected numbers whose scale float16 can hold",
      );
    }
  }
  await device.check();
  held.move();
  return weights;
}

const BYTES = { f32: 4, bf16: 2, f16: 2 } as const;

/** A part of a tensor in `dtype`. */
interface Piece {
  tensor: ParameterShape;
  group: FrozenGroup;
  /** The row that it begins with, if the group is quantized, or else the byte of the tensor's stored form. */
  first: number;
  bytes: Uint8Array<ArrayBuffer>;
  dtype: QuantizeSource;
  /** Of a matrix whose file has codes: `bytes` are all of these. With the last of a group come the group's scales. */
  scales?: Uint8Array<ArrayBuffer>;
}

/** Whether the files have a group as codes. */
function isStoredCoded({ storage, tensors }: FrozenGroup, { dtypeOf }: FrozenAllocation["source"]): boolean {
  return isQuantized(storage) && codedStorage(dtypeOf(tensors[0]!.name)) === storage;
}

/** From where pieces are read, and the memory that they take turns in. */
interface Reading {
  source: FrozenSource;
  buffers: PieceBuffers;
}

async function* pieces(groups: readonly FrozenGroup[], source: FrozenSource): AsyncGenerator<Piece> {
  const reading = { source, buffers: new PieceBuffers(PIECE_BYTES) };
  for (const group of groups) {
    if (isStoredCoded(group, source)) {
      yield* codedPieces(group, source);
      continue;
    }
    for (const tensor of group.tensors) {
      const part = { tensor, group };
      if (isQuantized(group.storage)) yield* rowPieces(part, reading);
      else if (group.storage === "f32") yield* floatPieces(part, reading);
      else yield* bytePieces({ ...part, dtype: group.storage }, reading);
    }
  }
}

/** Scales are uploaded together, since those of a matrix may begin within a word. */
async function* codedPieces(group: FrozenGroup, source: FrozenSource): AsyncGenerator<Piece> {
  const { tensors, bytes } = group;
  const allScales = new Uint8Array(bytes.scales);
  let filled = 0;
  for (const tensor of tensors) {
    const { codes, scales } = await source.readCodes(tensor.name);
    allScales.set(scales, filled);
    filled += scales.length;
    const isLast = tensor === tensors.at(-1);
    yield { tensor, group, first: 0, bytes: codes, dtype: "f32", scales: isLast ? allScales : new Uint8Array() };
  }
}

async function* bytePieces(
  part: Omit<Piece, "first" | "bytes">,
  { source, buffers }: Reading,
): AsyncGenerator<Piece> {
  const size = elementsOf(part.tensor) * 2;
  for (let start = 0; start < size; start += PIECE_BYTES) {
    const length = Math.min(PIECE_BYTES, size - start);
    const range = { start, length, into: buffers.next(length) };
    yield { ...part, first: start, bytes: await source.readStored(part.tensor.name, range) };
  }
}

async function* floatPieces(
  part: Omit<Piece, "first" | "bytes" | "dtype">,
  { source, buffers }: Reading,
): AsyncGenerator<Piece> {
  let first = 0;
  for await (const values of source.streamTensor(part.tensor.name, buffers)) {
    yield { ...part, first, bytes: bytesOf(values), dtype: "f32" };
    first += values.byteLength;
  }
}

async function* rowPieces(
  part: Omit<Piece, "first" | "bytes" | "dtype">,
  { source, buffers }: Reading,
): AsyncGenerator<Piece> {
  const { tensor: { name, shape: [rows] }, group } = part;
  const dtype = source.dtypeOf(name);
  // Float64 is rounded first, as where it is not quantized.
  const whole = isDtype(dtype) ? null : bytesOf(await source.readTensor(name));
  const bytes = group.columns * (isDtype(dtype) ? DTYPE_BYTES[dtype] : 4);
  const most = rowsAtOnce(group);
  for (let first = 0; first < rows!; first += most) {
    const [start, length] = [first * bytes, Math.min(most, rows! - first) * bytes];
    yield {
      ...part,
      first,
      bytes: whole?.subarray(start, start + length) ??
        await source.readStored(name, { start, length, into: buffers.next(length) }),
      dtype: dtype === "BF16" ? "bf16" : dtype === "F16" ? "f16" : "f32",
    };
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** The bytes, filled up to whole words as an upload must be. */
function wholeWords(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (bytes.length % 4 === 0) return bytes;
  const filled = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  filled.set(bytes);
  return filled;
}
