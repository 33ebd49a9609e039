/** Reads the header of a safetensors file and checks all that it claims. @module */
import { UserError } from "../error.ts";
import { parseJsonObject } from "../files/io.ts";
import type { ModelFiles } from "../files/model_files.ts";
import { isRecord, quote } from "../values.ts";

/** Bytes of one element, for every dtype whose elements are whole bytes. */
const ELEMENT_BYTES: Readonly<Record<string, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  F8_E8M0: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  I64: 8,
  U64: 8,
  F64: 8,
  C64: 8,
};

/** Far above any real model's header, and far below what a false length could make us allocate. */
const MAX_HEADER_BYTES = 16 * 2 ** 20;

/** One tensor of a safetensors file. */
export interface TensorInfo {
  /** The dtype's name as in the header, such as `BF16`. */
  dtype: string;
  /** Sizes of the dimensions; empty for a scalar. */
  shape: readonly number[];
  /** The first byte's offset from the beginning of the file. */
  offset: number;
  /** Length in bytes. */
  byteLength: number;
}

/** A checked header. */
export interface SafetensorsHeader {
  /** The strings under `__metadata__`. */
  metadata: Readonly<Record<string, string>>;
  /** Tensors by name, in the header's order. */
  tensors: ReadonlyMap<string, TensorInfo>;
}

/** Reads and checks the header of a safetensors file. Throws a UserError naming file and tensor. */
export async function readSafetensorsHeader(files: ModelFiles, file: string): Promise<SafetensorsHeader> {
  const path = files.pathOf(file);
  const facts = await files.stat(file);
  if (facts === null) throw new UserError(`Cannot read ${path}: there is no such file`);
  const { size: fileSize } = facts;
  const prefix = await files.read(file, { start: 0, length: Math.min(8, fileSize) });
  const length = headerLength(prefix, { path, fileSize });
  return parseSafetensorsHeader(await files.read(file, { start: 8, length }), { path, fileSize });
}

/** The header's length in bytes, as the file's first eight bytes state it. Throws a UserError if it cannot be true. */
export function headerLength(prefix: Uint8Array, { path, fileSize }: { path: string; fileSize: number }): number {
  if (prefix.length < 8) {
    throw new UserError(`Cannot read ${path}: it has ${fileSize} bytes, expected a safetensors file of at least 10`);
  }
  const length = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true);
  const most = Math.min(MAX_HEADER_BYTES, fileSize - 8);
  if (length < 2n || length > BigInt(most)) {
    throw new UserError(
      `Cannot read ${path}: the header length is ${length} bytes, expected 2 to ${most} ` +
        `(the file has ${fileSize} bytes: cut off, or not safetensors)`,
    );
  }
  return Number(length);
}

/**
 * Parses the header's JSON bytes, which follow the length, of a file of `fileSize` bytes. Dtypes must be known, ranges
 * must fit the shapes and follow one another without gap or overlap to the end of the file. Throws a UserError naming
 * the tensor.
 */
export function parseSafetensorsHeader(
  header: Uint8Array,
  { path, fileSize }: { path: string; fileSize: number },
): SafetensorsHeader {
  const what = `the header of ${path}`;
  if (header[0] !== 0x7b) throw new UserError(`Cannot read ${what}: it begins with ${header[0]}, expected "{"`);
  checkStructure(header, what);
  const json = parseJsonObject(header, what);
  const dataStart = 8 + header.length;
  const tensors = new Map<string, TensorInfo>();
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(json)) {
    if (name === "__metadata__") metadata = parseMetadata(value, what);
    else tensors.set(name, parseTensor(value, { name, path, dataStart, dataLength: fileSize - dataStart }));
  }
  checkRanges(tensors, { path, dataStart, fileSize });
  return { metadata, tensors };
}

/**
 * Refuses keys that occur twice, which JSON.parse would merge, and nesting deeper than a header has, which could make
 * it allocate much memory. Bytes that are no JSON pass here; JSON.parse refuses them afterwards.
 */
function checkStructure(header: Uint8Array, what: string): void {
  const keys: (Set<string> | null)[] = [];
  const decoder = new TextDecoder();
  for (let i = 0; i < header.length; i++) {
    const byte = header[i]!;
    if (byte === 0x7b || byte === 0x5b) {
      if (keys.length === 3) throw new UserError(`Cannot read ${what}: it nests deeper than 3, expected safetensors`);
      keys.push(byte === 0x7b ? new Set() : null);
    } else if (byte === 0x7d || byte === 0x5d) {
      keys.pop();
    } else if (byte === 0x22) {
      const start = i;
      for (i++; i < header.length && header[i] !== 0x22; i++) if (header[i] === 0x5c) i++;
      let after = i + 1;
      while (header[after] === 0x20 || (header[after]! >= 0x09 && header[after]! <= 0x0d)) after++;
      const seen = keys.at(-1);
      if (header[after] !== 0x3a || !seen) continue;
      const key = unescapeKey(decoder.decode(header.subarray(start, i + 1)));
      if (seen.has(key)) throw new UserError(`Cannot read ${what}: ${quote(key)} occurs twice, expected once`);
      seen.add(key);
    }
  }
}

function unescapeKey(literal: string): string {
  if (!literal.includes("\\")) return literal.slice(1, -1);
  try {
    return JSON.parse(literal) as string;
  } catch {
    return literal;
  }
}

function parseMetadata(value: unknown, what: string): Record<string, string> {
  if (!isRecord(value)) {
    throw new UserError(`Cannot read ${what}: "__metadata__" is ${quote(value)}, expected an object of strings`);
  }
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") {
      throw new UserError(
        `Cannot read ${what}: "__metadata__" has ${quote(text)} under ${quote(key)}, expected a string`,
      );
    }
  }
  return value as Record<string, string>;
}

function parseTensor(
  value: unknown,
  { name, path, dataStart, dataLength }: { name: string; path: string; dataStart: number; dataLength: number },
): TensorInfo {
  const refuse = (problem: string) => new UserError(`Cannot read ${quote(name)} from ${path}: ${problem}`);
  if (!isRecord(value)) throw refuse(`its entry is ${quote(value)}, expected dtype, shape and data_offsets`);
  const { dtype, shape, data_offsets: range } = value;
  if (typeof dtype !== "string" || !Object.hasOwn(ELEMENT_BYTES, dtype)) {
    throw refuse(`dtype is ${quote(dtype)}, expected one of ${Object.keys(ELEMENT_BYTES).join(", ")}`);
  }
  if (!Array.isArray(shape) || !shape.every(isSize)) {
    throw refuse(`shape is ${quote(shape)}, expected a list of sizes`);
  }
  if (!Array.isArray(range) || range.length !== 2 || !range.every(isSize)) {
    throw refuse(`data_offsets are ${quote(range)}, expected [begin, end]`);
  }
  const [begin, end] = range as [number, number];
  if (begin > end) throw refuse(`data_offsets are ${quote(range)}, expected begin at most end`);
  if (end > dataLength) {
    throw refuse(`data_offsets are ${quote(range)}, expected an end of at most ${dataLength} (is the file cut off?)`);
  }
  const bytes = (shape as number[]).reduce((product, size) => product * size, 1) * ELEMENT_BYTES[dtype]!;
  if (bytes !== end - begin) {
    throw refuse(`data_offsets span ${end - begin} bytes, expected ${bytes} for ${dtype} of shape ${quote(shape)}`);
  }
  return { dtype, shape: shape as number[], offset: dataStart + begin, byteLength: bytes };
}

/** Checks that the tensors fill the data without gaps, as the format requires, so that nothing can hide in a file. */
function checkRanges(
  tensors: ReadonlyMap<string, TensorInfo>,
  { path, dataStart, fileSize }: { path: string; dataStart: number; fileSize: number },
): void {
  // An empty tensor may share its offset with the next one; sorting by length too puts it first.
  const sorted = [...tensors].sort(([, a], [, b]) => a.offset - b.offset || a.byteLength - b.byteLength);
  let end = dataStart;
  for (const [name, { offset, byteLength }] of sorted) {
    if (offset !== end) {
      const fault = offset < end ? "overlaps another tensor" : "leaves a hole before it";
      throw new UserError(
        `Cannot read ${quote(name)} from ${path}: it ${fault}: begin is ${offset - dataStart}, expected ${
          end - dataStart
        }`,
      );
    }
    end = offset + byteLength;
  }
  if (end !== fileSize) {
    throw new UserError(`Cannot read ${path}: it has ${fileSize} bytes, expected ${end} from its header`);
  }
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
