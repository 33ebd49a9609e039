/** Checks the encoded values of Parquet's pages: runs, and differences. @module */
import { UserError } from "../../error.ts";
import { ByteReader } from "./byte_reader.ts";

/** Writers pad the last group of packed values; a run may have this many groups more than there are values. */
const SPARE_GROUPS = 64;

/** Numbers of runs and blocks, which the package that reads them cuts to 32 bits. */
const MAX_NUMBER = 2 ** 31 - 1;

/** The most values of a block of differences: a thousand times what writers use. */
const MAX_BLOCK = 1 << 20;

/** What is known of runs: the bits of a value, and how many values there are at most. */
export interface Runs {
  width: number;
  count: number;
  /** Whether there must be `count` values: the package would go on reading behind the bytes. */
  isComplete?: boolean;
}

/**
 * Checks runs of one repeated value or of packed values: none may be longer than `count`. Returns how many of the values
 * equal `match`.
 */
export function checkRuns(bytes: Uint8Array, { width, count, isComplete = false }: Runs, match = -1): number {
  if (width > 32) throw new UserError(`a page's values have ${width} bits, expected at most 32`);
  const reader = new ByteReader(bytes);
  const mostGroups = Math.ceil(count / 8) + SPARE_GROUPS;
  let [seen, matches] = [0, 0];
  while (seen < count && reader.left > 0) {
    const header = number(reader);
    const run = Math.floor(header / 2);
    if (header % 2 === 1) {
      if (run > mostGroups) {
        throw new UserError(`a run has ${run} groups of 8 values, expected at most ${mostGroups} for ${count} values`);
      }
      const packed = reader.take(Math.min(reader.left, run * width));
      const values = Math.min(run * 8, count - seen);
      if (match >= 0) matches += countPacked(packed, { width, values, match });
      seen += values;
    } else {
      if (run > count) throw new UserError(`a run has ${run} values, expected at most the page's ${count}`);
      const value = reader.take(Math.min(reader.left, (width + 7) >> 3)).reduceRight(
        (sum, byte) => sum * 256 + byte,
        0,
      );
      if (value === match) matches += Math.min(run, count - seen);
      seen += run;
    }
  }
  if (isComplete && seen < count) throw new UserError(`a page has levels of ${seen} values, expected ${count}`);
  return matches;
}

function countPacked(
  bytes: Uint8Array,
  { width, values, match }: { width: number; values: number; match: number },
): number {
  let matches = 0;
  for (let i = 0; i < values; i++) {
    let value = 0;
    for (let bit = 0; bit < width; bit++) {
      const at = i * width + bit;
      if ((bytes[at >> 3] ?? 0) >> (at & 7) & 1) value += 2 ** bit;
    }
    if (value === match) matches++;
  }
  return matches;
}

function number(reader: ByteReader): number {
  const value = reader.varint();
  if (value > MAX_NUMBER) throw new UserError(`a page has the number ${value}, expected at most ${MAX_NUMBER}`);
  return value;
}

/**
 * Checks `count` integers that are stored as differences in blocks, and calls `onValue` with each, cut to 32 bits, if it
 * is given. Leaves the reader behind them.
 */
export function checkDeltas(reader: ByteReader, count: number, onValue?: (value: number) => void): void {
  const [block, parts] = [number(reader), number(reader)];
  const each = block / parts;
  if (!(block > 0 && block <= MAX_BLOCK && parts > 0 && Number.isInteger(each) && each % 8 === 0)) {
    throw new UserError(`a page's blocks have ${block} values in ${parts} parts, expected 128 in 4 or the like`);
  }
  number(reader);
  let value = bigVarint(reader);
  if (count > 0) onValue?.(value | 0);
  for (let seen = 1; seen < count;) {
    const least = bigVarint(reader);
    const widths = reader.take(parts);
    for (let part = 0; part < parts && seen < count; part++) {
      const width = widths[part]!;
      if (width > 64) throw new UserError(`a page's differences have ${width} bits, expected at most 64`);
      const bytes = reader.take(Math.min(reader.left, each * width / 8));
      const values = Math.min(each, count - seen);
      if (bytes.length * 8 < values * width) throw new UserError("a page ends within a block of differences");
      seen += values;
      if (!onValue) continue;
      for (let i = 0; i < values; i++) {
        value = value + least + lowBits(bytes, i * width, Math.min(width, 32)) | 0;
        onValue(value);
      }
    }
  }
}

/** Up to 32 bits from a place on, the lowest first. */
function lowBits(bytes: Uint8Array, from: number, width: number): number {
  let value = 0;
  for (let bit = 0; bit < width;) {
    const at = from + bit;
    const taken = Math.min(8 - (at & 7), width - bit);
    value |= (bytes[at >> 3]! >> (at & 7) & (1 << taken) - 1) << bit;
    bit += taken;
  }
  return value;
}

/** A signed integer of up to 64 bits, cut to its lowest 32. */
function bigVarint(reader: ByteReader): number {
  let [value, shift] = [0n, 0n];
  for (let i = 0; i < 10; i++) {
    const byte = reader.u8();
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return Number(BigInt.asIntN(32, value >> 1n ^ -(value & 1n)));
    shift += 7n;
  }
  throw new UserError("a number of a page has no end");
}
