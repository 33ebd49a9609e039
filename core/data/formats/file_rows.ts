/** Reads the rows of a data file of any format. @module */
import { readCsvRows } from "./csv_rows.ts";
import { firstBytes } from "./file_bytes.ts";
import { type JsonRow, readJsonRows } from "./json_rows.ts";
import { countParquetRows, readParquetRows } from "./parquet_rows.ts";
import { ALL_ROWS, NO_ROWS, type Wanted } from "./wanted_rows.ts";

/** The formats that are read. */
export type DataFormat = "json" | "csv" | "tsv" | "parquet";

const BY_ENDING: Readonly<Record<string, DataFormat>> = {
  ".jsonl": "json",
  ".ndjson": "json",
  ".json": "json",
  ".csv": "csv",
  ".tsv": "tsv",
  ".parquet": "parquet",
};

/** Endings of data files' names; each may be followed by `.gz`. */
export const DATA_ENDINGS: readonly string[] = Object.keys(BY_ENDING);

/** The format by a file's name, a final `.gz` aside; undefined if the name has no known ending. */
export function formatOfName(path: string): DataFormat | undefined {
  const ending = /\.[a-z]+$/.exec(path.toLowerCase().replace(/\.gz$/, ""))?.[0];
  return ending === undefined ? undefined : BY_ENDING[ending];
}

/** Reads the wanted rows, and returns the number of rows gone through. Throws a UserError if the file is unreadable. */
export async function* readFileRows(
  path: string,
  { wanted = ALL_ROWS, columns }: { wanted?: Wanted; columns?: readonly string[] } = {},
): AsyncGenerator<JsonRow, number> {
  const format = formatOfName(path) ?? await formatOfContent(path);
  switch (format) {
    case "json":
      return yield* readJsonRows(path, { wanted, exact: true });
    case "parquet":
      return yield* readParquetRows(path, { wanted, ...(columns && { columns }) });
    default:
      return yield* readCsvRows(path, { wanted, delimiter: format === "csv" ? "," : "\t" });
  }
}

/** The number of rows of a file; malformed ones count too. */
export async function countRows(path: string): Promise<number> {
  if ((formatOfName(path) ?? await formatOfContent(path)) === "parquet") return await countParquetRows(path);
  const rows = readFileRows(path, { wanted: NO_ROWS });
  for (;;) {
    const next = await rows.next();
    if (next.done) return next.value;
  }
}

async function formatOfContent(path: string): Promise<DataFormat> {
  const text = new TextDecoder().decode(await firstBytes(path, 4096));
  if (text.startsWith("PAR1")) return "parquet";
  if (/^\s*[[{]/.test(text)) return "json";
  const line = text.trimStart().split("\n")[0]!;
  return line.includes("\t") ? "tsv" : line.includes(",") ? "csv" : "json";
}
