/** Reads the rows of a Parquet file: only the columns and row groups that are asked for. @module */
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import type { AsyncBuffer, ColumnMetaData, Compressors, FileMetaData, SchemaTree } from "hyparquet";
import { UserError } from "../../error.ts";
import { errorLine, ioProblem, shortQuote } from "./data_problems.ts";
import type { JsonRow, JsonValue } from "./json_rows.ts";
import { parseJson } from "./json_rows.ts";
import { checkChunk, checkCount, checkThrift } from "./parquet_guard.ts";
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
 * Reads rows as JSON values: 64-bit integers become numbers, times ISO 8601 texts, and bytes null. Returns the number
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
        if (picks(row)) yield { row, where: `${path}, row ${row}`, columns: names, ...toJson(values, columns) };
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
      maxLevels: levelsOf(schema, meta.path_in_schema),
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

/** A column's largest levels: how many steps of its path repeat, and how many are optional or repeat. */
function levelsOf(schema: SchemaTree, path: readonly string[]): [repetition: number, definition: number] {
  let [node, repetition, definition] = [schema, 0, 0];
  for (const name of path) {
    const child = node.children.find(({ element }) => element.name === name);
    if (!child) throw new UserError("the schema has no such column");
    node = child;
    if (node.element.repetition_type === "REPEATED") repetition++;
    if (node.element.repetition_type !== "REQUIRED") definition++;
  }
  return [repetition, definition];
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
    const parsed = parseJson(text);
    return "problem" in parsed ? new BadValue(parsed.problem) : parsed.value;
  },
};

function toJson(
  values: Readonly<Record<string, unknown>>,
  columns: readonly string[],
): { value: JsonValue } | { problem: string } {
  try {
    return { value: Object.fromEntries(columns.map((name) => [name, plain(values[name])])) };
  } catch (error) {
    return { problem: errorLine(error) };
  }
}

function plain(value: unknown): JsonValue {
  if (value === undefined || value === null) return null;
  if (value instanceof BadValue) throw new Error(value.problem);
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  // No shape uses bytes.
  if (ArrayBuffer.isView(value)) return null;
  if (typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  }
  return value as JsonValue;
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
