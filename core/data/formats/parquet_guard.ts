/**
 * Checks what a Parquet file claims against what it contains, before the package that reads it relies on the claims:
 * the package allocates lists and buffers of any size that a header states.
 *
 * @module
 */
import { UserError } from "../../error.ts";

/** The deepest nesting of Thrift structs; real files stay below ten. */
const MAX_DEPTH = 32;

/** The most that a page may unpack to, in bytes: FREE_BYTES, and MAX_RATIO times its size. */
const MAX_RATIO = 1000;
const FREE_BYTES = 1 << 24;

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
  /** Unpacks a page; null if the chunk is not compressed. */
  unpack: ((packed: Uint8Array, size: number) => Uint8Array) | null;
}

/** The format's page types; type 1 is an index page, which holds no values. */
const DATA_PAGE = 0;
const DICTIONARY_PAGE = 2;
const DATA_PAGE_V2 = 3;
/** Encodings whose values are indices into a dictionary; these are stored in runs, as levels are. */
const RUN_ENCODINGS = [2, 8];

/** Throws a UserError if a page in the chunk's bytes claims more than it contains. */
export function checkChunk(bytes: Uint8Array, { values, maxLevels, unpack }: ChunkClaims): void {
  const reader = new Reader(bytes);
  let seen = 0;
  while (reader.left > 1) {
    const header = readStruct(reader, 0);
    const [type = -1, unpacked = -1, packed = -1] = [header.get("1"), header.get("2"), header.get("3")];
    if (packed < 0 || packed > reader.left) {
      throw new UserError(`a page has ${packed} bytes, expected at most the ${reader.left} that are left`);
    }
    if (unpacked < 0 || unpacked > FREE_BYTES + MAX_RATIO * packed) {
      throw new UserError(`a page of ${packed} bytes unpacks to ${unpacked}`);
    }
    const page = reader.take(packed);
    const count = header.get(`${type === DATA_PAGE ? 5 : type === DICTIONARY_PAGE ? 7 : 8}.1`) ?? -1;
    // A dictionary has no more entries than there are values that refer to it.
    const most = type === DICTIONARY_PAGE ? values : values - seen;
    if (type !== 1 && (count < 0 || count > most)) {
      throw new UserError(`a page has ${count} values, expected at most ${most}`);
    }
    const open = (data: Uint8Array, size: number): Uint8Array => unpack ? unpack(data, size) : data;
    if (type === DATA_PAGE) {
      const encoding = header.get("5.2") ?? -1;
      checkLevelsAndRuns(open(page, unpacked), { count, maxLevels, encoding });
    } else if (type === DATA_PAGE_V2) {
      const [definition, repetition] = [header.get("8.5") ?? 0, header.get("8.6") ?? 0];
      if (definition < 0 || repetition < 0 || definition + repetition > Math.min(packed, unpacked)) {
        throw new UserError(`a page's levels have ${definition + repetition} bytes, expected at most its ${packed}`);
      }
      checkRuns(page.subarray(0, repetition), { width: bits(maxLevels[0]), count });
      checkRuns(page.subarray(repetition, repetition + definition), { width: bits(maxLevels[1]), count });
      if (RUN_ENCODINGS.includes(header.get("8.4") ?? -1)) {
        const isPacked = header.get("8.7") !== 0;
        const rest = page.subarray(repetition + definition);
        checkValueRuns(isPacked ? open(rest, unpacked - repetition - definition) : rest, count);
      }
    }
    if (type !== DICTIONARY_PAGE && type !== 1) seen += count;
  }
}

function bits(max: number): number {
  return 32 - Math.clz32(max);
}

/** Checks a data page of version 1: the length and the runs of each level, then the values. */
function checkLevelsAndRuns(
  page: Uint8Array,
  { count, maxLevels, encoding }: { count: number; maxLevels: readonly number[]; encoding: number },
): void {
  let rest = page;
  for (const max of maxLevels) {
    if (max === 0) continue;
    const reader = new Reader(rest);
    const length = reader.u32();
    if (length > reader.left) {
      throw new UserError(`a page's levels have ${length} bytes, expected at most ${reader.left}`);
    }
    checkRuns(reader.take(length), { width: bits(max), count });
    rest = reader.take(reader.left);
  }
  if (RUN_ENCODINGS.includes(encoding)) checkValueRuns(rest, count);
}

/** Checks indices into a dictionary: a byte with their width in bits, then runs. */
function checkValueRuns(bytes: Uint8Array, count: number): void {
  if (bytes.length > 0) checkRuns(bytes.subarray(1), { width: bytes[0]!, count });
}

/** Checks runs of one repeated value or of packed values: a repetition may not be longer than `count`. */
function checkRuns(bytes: Uint8Array, { width, count }: { width: number; count: number }): void {
  const reader = new Reader(bytes);
  for (let seen = 0; seen < count && reader.left > 0;) {
    const header = reader.varint();
    const run = header >>> 1;
    if (header & 1) {
      reader.take(Math.min(reader.left, run * width));
      seen += run * 8;
    } else {
      if (run > count) throw new UserError(`a run has ${run} values, expected at most the page's ${count}`);
      reader.take(Math.min(reader.left, (width + 7) >> 3));
      seen += run;
    }
  }
}

/** Throws a UserError if a struct of Thrift's compact protocol claims more elements than there are bytes. */
export function checkThrift(bytes: Uint8Array): void {
  readStruct(new Reader(bytes), 0);
}

/** Reads the integers of a struct by field number (`5.1` is in an inner struct); everything else is only walked. */
function readStruct(
  reader: Reader,
  depth: number,
  prefix = "",
  found = new Map<string, number>(),
): Map<string, number> {
  if (depth > MAX_DEPTH) throw new UserError(`its metadata nests deeper than ${MAX_DEPTH} levels`);
  let field = 0;
  for (;;) {
    const byte = reader.u8();
    const type = byte & 15;
    if (type === 0) return found;
    field = byte >> 4 ? field + (byte >> 4) : zigZag(reader.varint());
    walk(reader, { type, depth, key: `${prefix}${field}`, found });
  }
}

function walk(
  reader: Reader,
  { type, depth, key, found }: { type: number; depth: number; key: string; found: Map<string, number> },
): void {
  switch (type) {
    case 1:
    case 2:
      found.set(key, type === 1 ? 1 : 0);
      return;
    case 3:
      reader.u8();
      return;
    case 4:
    case 5:
    case 6:
      found.set(key, zigZag(reader.varint()));
      return;
    case 7:
      reader.take(8);
      return;
    case 8:
      reader.take(reader.varint());
      return;
    case 9: {
      const byte = reader.u8();
      const size = byte >> 4 === 15 ? reader.varint() : byte >> 4;
      // Each element takes at least one byte.
      if (size > reader.left) {
        throw new UserError(`a list of its metadata has ${size} elements, expected at most ${reader.left}`);
      }
      const elements = byte & 15;
      // Nothing that is in lists is needed.
      const inner = { type: elements <= 2 ? 3 : elements, depth: depth + 1, key: "", found: new Map() };
      for (let i = 0; i < size; i++) walk(reader, inner);
      return;
    }
    case 12:
      readStruct(reader, depth + 1, `${key}.`, found);
      return;
    default:
      throw new UserError(`its metadata has a field of unknown type ${type}`);
  }
}

function zigZag(value: number): number {
  return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
}

/** Reads bytes forwards, never beyond the end. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  take(count: number): Uint8Array {
    if (count > this.left) {
      throw new UserError(`${count} bytes are missing, expected them before byte ${this.#bytes.length}`);
    }
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  u8(): number {
    return this.take(1)[0]!;
  }

  u32(): number {
    const bytes = this.take(4);
    return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  }

  /** An integer of up to 64 bits. Beyond 2⁵³ it loses its last digits; such sizes are refused anyway. */
  varint(): number {
    let [value, scale] = [0, 1];
    for (let i = 0; i < 10; i++) {
      const byte = this.u8();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
    throw new UserError("a number of its metadata has no end");
  }
}
