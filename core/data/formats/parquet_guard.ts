/**
 * Checks what a Parquet file claims against what it contains, before the package that reads it relies on the claims:
 * the package allocates lists and buffers of any size that a header states.
 *
 * @module
 */
import type { ParquetType } from "hyparquet";
import { UserError } from "../../error.ts";
import { ByteReader } from "./byte_reader.ts";
import { checkDeltas, checkRuns } from "./parquet_runs.ts";
import { readStruct } from "./parquet_thrift.ts";

/** The most that a page may unpack to, in bytes: FREE_BYTES, and MAX_RATIO times its size. */
const MAX_RATIO = 1000;
const FREE_BYTES = 1 << 24;

/** The most bytes of a page's texts that share their beginnings, which may be longer than the page. */
const MAX_SHARED_BYTES = 1 << 28;

/**
 * The most values of a column chunk: FREE_VALUES and VALUES_PER_BYTE for each byte of the file, since nulls take almost
 * no space, but at most MAX_VALUES.
 */
const VALUES_PER_BYTE = 16;
const FREE_VALUES = 1 << 20;
const MAX_VALUES = 1 << 26;

/** Throws a UserError if a file of `size` bytes cannot hold `count` values or rows. */
export function checkCount(what: string, count: number, size: number): void {
  const most = Math.min(MAX_VALUES, FREE_VALUES + VALUES_PER_BYTE * size);
  if (!Number.isSafeInteger(count) || count < 0 || count > most) {
    throw new UserError(`${what} is ${count}, expected 0 to ${most} in ${size} bytes`);
  }
}

/** What the metadata says of a column chunk. */
export interface ChunkClaims {
  /** The number of values. */
  values: number;
  /** The largest repetition and definition levels. */
  maxLevels: readonly [repetition: number, definition: number];
  /** The type of the values, and the bytes of one if it is of a fixed length. */
  type: ParquetType | undefined;
  typeLength: number | undefined;
  /** Unpacks a page; null if the chunk is not compressed. */
  unpack: ((packed: Uint8Array, size: number) => Uint8Array) | null;
}

/** The format's page types; type 1 is an index page, which holds no values. */
const DATA_PAGE = 0;
const DICTIONARY_PAGE = 2;
const DATA_PAGE_V2 = 3;
/** Encodings, by their numbers. */
const DICTIONARY = [2, 8];
const RLE = 3;
const DELTA_BINARY = 5;
const DELTA_LENGTH = 6;
const DELTA_TEXT = 7;
const SPLIT_BYTES = 9;
const KNOWN_ENCODINGS = [0, ...DICTIONARY, RLE, DELTA_BINARY, DELTA_LENGTH, DELTA_TEXT, SPLIT_BYTES];

/** Throws a UserError if a page in the chunk's bytes claims more than it contains. */
export function checkChunk(bytes: Uint8Array, claims: ChunkClaims): void {
  const { values, unpack } = claims;
  const reader = new ByteReader(bytes);
  let [seen, total] = [0, 0];
  while (reader.left > 1) {
    const header = readStruct(reader, 0);
    const [type = -1, unpacked = -1, packed = -1] = [header.get("1"), header.get("2"), header.get("3")];
    if (packed < 0 || packed > reader.left) {
      throw new UserError(`a page has ${packed} bytes, expected at most the ${reader.left} that are left`);
    }
    if (unpacked < 0 || unpacked > FREE_BYTES + MAX_RATIO * packed) {
      throw new UserError(`a page of ${packed} bytes unpacks to ${unpacked}`);
    }
    total += unpacked;
    if (total > 4 * FREE_BYTES + MAX_RATIO * bytes.length) {
      throw new UserError(`its pages unpack to more than ${total - unpacked} bytes, and have ${bytes.length}`);
    }
    const page = reader.take(packed);
    const count = header.get(`${type === DATA_PAGE ? 5 : type === DICTIONARY_PAGE ? 7 : 8}.1`) ?? -1;
    // A dictionary has no more entries than there are values that refer to it.
    const most = type === DICTIONARY_PAGE ? values : values - seen;
    if (type !== 1 && (count < 0 || count > most)) {
      throw new UserError(`a page has ${count} values, expected at most ${most}`);
    }
    const open = (data: Uint8Array, size: number): Uint8Array => unpack ? unpack(data, size) : data;
    if (type === DATA_PAGE) checkPage(open(page, unpacked), { count, encoding: encodingOf(header.get("5.2")) }, claims);
    else if (type === DATA_PAGE_V2) checkPageV2(page, { header, count, unpacked, open }, claims);
    if (type !== DICTIONARY_PAGE && type !== 1) seen += count;
  }
}

function encodingOf(encoding: number | undefined): number {
  if (encoding !== undefined && KNOWN_ENCODINGS.includes(encoding)) return encoding;
  throw new UserError(`a page has the encoding ${encoding}, expected one of ${KNOWN_ENCODINGS.join(", ")}`);
}

function bits(max: number): number {
  return 32 - Math.clz32(max);
}

/** Checks a data page of version 1: the length and the runs of each level, then the values. */
function checkPage(
  page: Uint8Array,
  { count, encoding }: { count: number; encoding: number },
  claims: ChunkClaims,
): void {
  const reader = new ByteReader(page);
  let present = count;
  for (const [i, max] of claims.maxLevels.entries()) {
    if (max === 0) continue;
    const length = reader.u32();
    if (length > reader.left) {
      throw new UserError(`a page's levels have ${length} bytes, expected at most ${reader.left}`);
    }
    const found = checkRuns(reader.take(length), { width: bits(max), count, isComplete: true }, i === 1 ? max : -1);
    if (i === 1) present = found;
  }
  const rest = reader.take(reader.left);
  const isBoolean = claims.type === "BOOLEAN";
  if (isBoolean && (encoding === RLE || DICTIONARY.includes(encoding))) checkBooleans(rest, present);
  else if (encoding === RLE || DICTIONARY.includes(encoding)) checkIndices(rest, present);
  else checkValues(rest, { count: present, encoding }, claims);
}

/** Checks a data page of version 2, whose levels are not packed and have their lengths in the header. */
function checkPageV2(
  page: Uint8Array,
  { header, count, unpacked, open }: {
    header: ReadonlyMap<string, number>;
    count: number;
    unpacked: number;
    open: (data: Uint8Array, size: number) => Uint8Array;
  },
  claims: ChunkClaims,
): void {
  const [nulls = -1, rows = -1] = [header.get("8.2"), header.get("8.3")];
  if (nulls < 0 || nulls > count || rows < 0 || rows > count) {
    throw new UserError(`a page has ${rows} rows and ${nulls} nulls, expected at most its ${count} values`);
  }
  const encoding = encodingOf(header.get("8.4"));
  const [definition = -1, repetition = -1] = [header.get("8.5"), header.get("8.6")];
  if (definition < 0 || repetition < 0 || definition + repetition > Math.min(page.length, unpacked)) {
    throw new UserError(`a page's levels have ${definition + repetition} bytes, expected at most its ${page.length}`);
  }
  const [begin, end] = [repetition, repetition + definition];
  for (const [i, levels] of [page.subarray(0, begin), page.subarray(begin, end)].entries()) {
    const max = claims.maxLevels[i]!;
    if (max > 0) checkRuns(levels, { width: bits(max), count, isComplete: true });
  }
  const present = count - nulls;
  const rest = page.subarray(end);
  const values = header.get("8.7?") === 0 ? rest : open(rest, unpacked - end);
  if (encoding === RLE) checkBooleans(values, present);
  else if (DICTIONARY.includes(encoding)) checkIndices(values, present);
  else checkValues(values, { count: present, encoding }, claims);
}

/** Checks indices into a dictionary: a byte with their width in bits, then runs. */
function checkIndices(bytes: Uint8Array, count: number): void {
  if (bytes.length > 0) checkRuns(bytes.subarray(1), { width: bytes[0]!, count });
}

/** Checks booleans: four bytes of length, then runs. */
function checkBooleans(bytes: Uint8Array, count: number): void {
  checkRuns(bytes.subarray(4), { width: 1, count });
}

/** Checks values whose encoding says how many or how long they are. */
function checkValues(
  bytes: Uint8Array,
  { count, encoding }: { count: number; encoding: number },
  { type, typeLength }: ChunkClaims,
): void {
  if (encoding === SPLIT_BYTES) {
    const width = type === "FIXED_LEN_BYTE_ARRAY" ? typeLength ?? 0 : type === "INT32" || type === "FLOAT" ? 4 : 8;
    if (!(width > 0 && count * width <= bytes.length)) {
      throw new UserError(`a page has ${count} values of ${width} bytes, expected at most ${bytes.length} bytes`);
    }
  }
  if (![DELTA_BINARY, DELTA_LENGTH, DELTA_TEXT].includes(encoding) || (count === 0 && bytes.length === 0)) return;
  const reader = new ByteReader(bytes);
  if (encoding !== DELTA_TEXT) return checkDeltas(reader, count);
  let shared = 0;
  const most = Math.min(MAX_SHARED_BYTES, FREE_BYTES + MAX_RATIO * bytes.length);
  checkDeltas(reader, count, (length) => {
    shared += length;
    if (length >= 0 && shared <= most) return;
    throw new UserError(`a page's texts share ${length < 0 ? length : shared} bytes, expected 0 to ${most}`);
  });
  checkDeltas(reader, count);
}
