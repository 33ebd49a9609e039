/** Reads the rows of a Parquet file: only the columns and row groups that are asked for. @module */
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import type { AsyncBuffer, ColumnMetaData, Compressors, FileMetaData, SchemaTree } from "hyparquet";
import { UserError } from "../../error.ts";
import { errorLine, ioProblem, shortQuote } from "./data_problems.ts";
import { findNonFinite, JsonFloat } from "./json_numbers.ts";
import type { JsonRow, JsonValue } from "./json_rows.ts";
import { parseJson } from "./json_texts.ts";
import { checkChunk, checkCount, type ChunkClaims } from "./parquet_guard.ts";
import { checkThrift } from "./parquet_thrift.ts";
import { ALL_ROWS, picker, type Wanted } from "./wanted_rows.ts";

/** The longest metadata: some hundred times that of a large file. */
const MAX_METADATA_BYTES = 1 << 26;

/** What is read of a Parquet file. */
export interface ParquetOptions {
  wanted?: Wanted;
  /** The columns to read, as far as the file has them; all by default, or if the file has none of them. */
  columns?: readonly string[];
}

/**
 * Reads rows as JSON values: floats that are whole become JsonFloat, times ISO 8601 texts, and bytes null. Returns the number
 * of rows of the file. Throws a UserError if the file is broken, or claims more than it can hold.
 */
export async function* readParquetRows(
  path: string,
  { wanted = ALL_ROWS, columns: asked }: ParquetOptions = {},
): AsyncGenerator<JsonRow, number> {
  using file = await openFile(path);
  const metadata = await attempt(path, () => readMetadata(file));
  const total = metadata.row_groups.reduce((sum, group) => sum + Number(group.num_rows), 0);
  const { parquetReadObjects, parquetSchema } = await import("hyparquet");
  const compressors = await loadCompressors();
  const schema = await attempt(path, () => parquetSchema(metadata));
  const names = schema.children.map(({ element }) => element.name);
  const kept = asked ? names.filter((name) => asked.includes(name)) : names;
  const columns = kept.length > 0 ? kept : names;
  const picks = picker(wanted);
  let start = 0;
  for (const group of metadata.row_groups) {
    const end = start + Number(group.num_rows);
    const [rowStart, rowEnd] = [Math.max(start, wanted.from), Math.min(end, wanted.to)];
    const none = wanted.only && !wanted.only.some((row) => row >= rowStart && row < rowEnd);
    if (rowStart < rowEnd && !none) {
      const rows = await attempt(path, async () => {
        for (const { meta_data: meta } of group.columns) {
          if (!columns.includes(meta!.path_in_schema[0]!)) continue;
          await checkColumn(file, { meta: meta!, schema, compressors });
        }
        const { buffer } = file;
        return await parquetReadObjects({
          file: buffer,
          metadata,
          columns,
          rowStart,
          rowEnd,
          compressors,
          parsers: PARSERS,
        });
      });
      for (const [i, values] of rows.entries()) {
        const row = rowStart + i;
        if (picks(row)) {
          yield { row, where: `${path}, row ${row}`, columns: names, ...toJson(values, { columns, schema }) };
        }
      }
    }
    start = end;
  }
  return total;
}

/** The number of rows of a Parquet file. */
export async function countParquetRows(path: string): Promise<number> {
  using file = await openFile(path);
  const metadata = await attempt(path, () => readMetadata(file));
  return metadata.row_groups.reduce((sum, group) => sum + Number(group.num_rows), 0);
}

interface ParquetFile extends Disposable {
  size: number;
  buffer: AsyncBuffer;
}

async function openFile(path: string): Promise<ParquetFile> {
  try {
    const file = await Deno.open(path);
    const { size } = await file.stat();
    const slice = async (start: number, end: number = size): Promise<ArrayBuffer> => {
      if (!(start >= 0 && start <= end && end <= size)) {
        throw new UserError(`bytes ${start} to ${end} are asked for, expected 0 to ${size}`);
      }
      const bytes = new Uint8Array(end - start);
      await file.seek(start, Deno.SeekMode.Start);
      for (let at = 0; at < bytes.length;) {
        const count = await file.read(bytes.subarray(at));
        if (count === null) throw new UserError(`it ends at byte ${start + at}, expected ${size} bytes`);
        at += count;
      }
      return bytes.buffer;
    };
    // Reads go one at a time, since a file has one position.
    let last: Promise<unknown> = Promise.resolve();
    const inOrder = (start: number, end?: number): Promise<ArrayBuffer> => {
      const next = last.then(() => slice(start, end));
      last = next.catch(() => {});
      return next;
    };
    return { size, buffer: { byteLength: size, slice: inOrder }, [Symbol.dispose]: () => file.close() };
  } catch (error) {
    throw new UserError(`Cannot read ${path}: ${ioProblem(error)}`);
  }
}

/** Reads the metadata at the end of the file, and checks it. */
async function readMetadata({ size, buffer }: ParquetFile): Promise<FileMetaData> {
  if (size < 12) throw new UserError(`it has ${size} bytes, expected PAR1 at its begin and end`);
  const tail = new Uint8Array(await buffer.slice(size - 8, size));
  if (new TextDecoder().decode(tail.subarray(4)) !== "PAR1") {
    throw new UserError("it does not end with PAR1 (is it cut?)");
  }
  const length = new DataView(tail.buffer).getUint32(0, true);
  if (length > Math.min(size - 12, MAX_METADATA_BYTES)) {
    throw new UserError(
      `its metadata has ${length} bytes, expected at most ${Math.min(size - 12, MAX_METADATA_BYTES)}`,
    );
  }
  const footer = await buffer.slice(size - 8 - length, size);
  checkThrift(new Uint8Array(footer, 0, length));
  const { parquetMetadata } = await import("hyparquet");
  const metadata = parquetMetadata(footer, { geoparquet: false });
  const total = Number(metadata.num_rows);
  checkCount("its number of rows", total, size);
  let rows = 0;
  for (const [i, group] of metadata.row_groups.entries()) {
    checkCount(`the number of rows of row group ${i}`, Number(group.num_rows), size);
    rows += Number(group.num_rows);
    for (const { meta_data: meta, file_path: elsewhere } of group.columns) {
      if (!meta || elsewhere) {
        throw new UserError(`a column of row group ${i} lies in another file, expected it in this one`);
      }
    }
  }
  if (rows !== total) throw new UserError(`its row groups have ${rows} rows, expected ${total} as it says`);
  return metadata;
}

/** Checks the pages of one column in one row group. */
async function checkColumn(
  { size, buffer }: ParquetFile,
  { meta, schema, compressors }: { meta: ColumnMetaData; schema: SchemaTree; compressors: Compressors },
): Promise<void> {
  const name = shortQuote(meta.path_in_schema.join("."));
  const start = Number(meta.dictionary_page_offset || meta.data_page_offset);
  const bytes = Number(meta.total_compressed_size);
  if (!(start >= 4 && bytes >= 0 && start + bytes <= size)) {
    throw new UserError(`column ${name} lies at bytes ${start} to ${start + bytes}, expected 4 to ${size}`);
  }
  checkCount(`the number of values of column ${name}`, Number(meta.num_values), size);
  const compressor = compressors[meta.codec];
  if (meta.codec !== "UNCOMPRESSED" && !compressor) {
    throw new UserError(
      `column ${name} has the codec ${meta.codec}, expected one of ${Object.keys(compressors).join(", ")}`,
    );
  }
  try {
    checkChunk(new Uint8Array(await buffer.slice(start, start + bytes)), {
      values: Number(meta.num_values),
      ...leafOf(schema, meta.path_in_schema),
      unpack: meta.codec === "UNCOMPRESSED" ? null : (packed, size) => compressor!(packed, size),
    });
  } catch (error) {
    throw new UserError(`column ${name}: ${errorLine(error)}`);
  }
}

/** The functions that unpack pages. If node:zlib has a codec, it is used: it is fast, and its output is limited. */
async function loadCompressors(): Promise<Compressors> {
  const { compressors } = await import("hyparquet-compressors");
  const codecs: Compressors = {
    ...compressors,
    GZIP: (packed, size) => gunzipSync(packed, { maxOutputLength: size }),
    BROTLI: (packed, size) => brotliDecompressSync(packed, { maxOutputLength: size }),
    ZSTD: (packed, size) => zstdDecompressSync(packed, { maxOutputLength: size }),
  };
  // The package's LZ4 cannot read an empty page.
  return Object.fromEntries(
    Object.entries(codecs).map(([codec, unpack]) => [
      codec,
      (packed: Uint8Array, size: number) => size === 0 ? new Uint8Array() : unpack(packed, size),
    ]),
  );
}

/**
 * What the schema says of a column: its type, and its largest levels, which are how many steps of its path repeat, and
 * how many are optional or repeat.
 */
function leafOf(
  schema: SchemaTree,
  path: readonly string[],
): Pick<ChunkClaims, "maxLevels" | "type" | "typeLength"> {
  let [node, repetition, definition] = [schema, 0, 0];
  for (const name of path) {
    const child = node.children.find(({ element }) => element.name === name);
    if (!child) throw new UserError("the schema has no such column");
    node = child;
    if (node.element.repetition_type === "REPEATED") repetition++;
    if (node.element.repetition_type !== "REQUIRED") definition++;
  }
  return { maxLevels: [repetition, definition], type: node.element.type, typeLength: node.element.type_length };
}

/** Stands for a malformed value until its row is known. */
class BadValue {
  constructor(readonly problem: string) {}
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const PARSERS = {
  stringFromBytes(bytes: Uint8Array | undefined): unknown {
    try {
      return bytes && decoder.decode(bytes);
    } catch {
      return new BadValue("a text is not valid UTF-8");
    }
  },
  jsonFromBytes(bytes: Uint8Array | undefined): unknown {
    const text = PARSERS.stringFromBytes(bytes);
    if (typeof text !== "string") return text;
    const parsed = parseJson(text, { exact: true });
    return "problem" in parsed ? new BadValue(parsed.problem) : parsed.value;
  },
};

function toJson(
  values: Readonly<Record<string, unknown>>,
  { columns, schema }: { columns: readonly string[]; schema: SchemaTree },
): { value: JsonValue; hasNonFinite?: true } | { problem: string } {
  try {
    const nodes = new Map(schema.children.map((node) => [node.element.name, node]));
    const value = Object.fromEntries(columns.map((name) => [name, plain(values[name], nodes.get(name))]));
    return { value, ...(findNonFinite(value) === null ? {} : { hasNonFinite: true }) };
  } catch (error) {
    return { problem: errorLine(error) };
  }
}

/** A value as JSON; `node` is its part of the schema. */
function plain(value: unknown, node: SchemaTree | undefined): JsonValue {
  if (value === undefined || value === null) return null;
  if (value instanceof BadValue) throw new Error(value.problem);
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (typeof value === "number") return Number.isInteger(value) && isFloat(node) ? wholeFloat(value) : value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (Array.isArray(value)) {
    const item = itemOf(node);
    return value.map((each) => plain(each, item));
  }
  // No shape uses bytes.
  if (ArrayBuffer.isView(value)) return null;
  if (typeof value === "object") {
    // JSON's own numbers, in a column of JSON texts, are as they should be.
    if (value instanceof JsonFloat || node === undefined || node.children.length === 0) return value as JsonValue;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item, fieldOf(node, key))]));
  }
  return value as JsonValue;
}

function isFloat(node: SchemaTree | undefined): boolean {
  const { type, converted_type: converted, logical_type: logical } = node?.element ?? {};
  return type === "DOUBLE" || type === "FLOAT" || converted === "DECIMAL" || logical?.type === "FLOAT16";
}

function wholeFloat(value: number): JsonFloat {
  const text = Object.is(value, -0) ? "-0" : String(value);
  return new JsonFloat(text.includes("e") ? text : `${text}.0`);
}

/** The part of the schema of a list's items: a list is a group of a repeated group of an element, or less. */
function itemOf(node: SchemaTree | undefined): SchemaTree | undefined {
  const [only] = node?.children ?? [];
  if (node === undefined || node.children.length !== 1 || only?.element.repetition_type !== "REPEATED") return node;
  return only.children.length === 1 ? only.children[0] : only;
}

/** The part of the schema of an object's field; a map is a group of a repeated group of key and value. */
function fieldOf(node: SchemaTree, key: string): SchemaTree | undefined {
  const field = node.children.find(({ element }) => element.name === key);
  if (field) return field;
  const [entries] = node.children;
  return entries?.element.repetition_type === "REPEATED" ? entries.children[1] : undefined;
}

/** Runs `run`. The package throws all kinds of errors for a broken file; each becomes a UserError of one line. */
async function attempt<T>(path: string, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    // For metadata of another form the package's message is about its own code.
    const why = error instanceof TypeError ? "its metadata is malformed" : errorLine(error);
    throw new UserError(`Cannot read ${path}: not valid Parquet (${why})`);
  }
}
