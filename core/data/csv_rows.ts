/** Rows of a table of comma or tab separated values, the columns' names in its first line. @module */
import { pipeline, Readable } from "node:stream";
import type { CsvError, InfoRecord } from "csv-parse";
import { UserError } from "../error.ts";
import { readBytes } from "./bytes.ts";
import type { JsonRow, JsonValue } from "./json_rows.ts";
import { oneLine, quote } from "./problems.ts";
import { ALL_ROWS, picker, type Wanted } from "./wanted.ts";

/** Longest row, in characters: a quote that is never closed takes in all that follows. */
const MAX_RECORD = 1 << 24;

/** What the parser's codes mean, without the text that it quotes. */
const PROBLEMS: Readonly<Record<string, string>> = {
  CSV_INVALID_CLOSING_QUOTE: "there is text after the quote that closes a field",
  CSV_QUOTE_NOT_CLOSED: "a quote is not closed",
  INVALID_OPENING_QUOTE: 'there is a quote within a field that has none around it, expected ""…""',
  CSV_MAX_RECORD_SIZE: `the row has more than ${MAX_RECORD} characters (is a quote not closed?)`,
};

/**
 * Reads a table after RFC 4180: fields that hold the delimiter, a quote or a line end stand in double quotes. A cell is a
 * text, or null where it is empty. Rows that are wrong come as problems, with the line where they begin. Returns the
 * number of rows that it has gone through.
 */
export async function* readCsvRows(
  path: string,
  { delimiter, wanted = ALL_ROWS }: { delimiter: "," | "\t"; wanted?: Wanted },
): AsyncGenerator<JsonRow, number> {
  const picks = picker(wanted);
  let names: string[] | undefined;
  let row = 0;
  for await (const { line, ...record } of records(path, delimiter)) {
    if (names === undefined) {
      names = checkNames(path, record);
      continue;
    }
    if (row >= wanted.to) break;
    if (picks(row)) yield { row, where: `${path}:${line}`, ...toRow(record, names) };
    row++;
  }
  return row;
}

type RawRecord = { fields: string[] } | { problem: string };

/** The records in the order of the file, those that cannot be parsed among them. */
async function* records(path: string, delimiter: string): AsyncGenerator<RawRecord & { line: number }> {
  const { parse } = await import("csv-parse");
  const bad: { line: number; problem: string; isOpen: boolean }[] = [];
  const addBad = (error: CsvError | undefined): void => {
    const { code = "", lines = 0 } = error ?? {};
    const isOpen = code === "CSV_QUOTE_NOT_CLOSED";
    bad.push({ line: Number(lines), problem: PROBLEMS[code] ?? oneLine(error), isOpen });
  };
  const parser = parse({
    delimiter,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: MAX_RECORD,
    skip_records_with_error: true,
    on_skip: addBad,
  });
  pipeline(Readable.from(decode(path)), parser, () => {});
  // The parser counts a CRLF within a field as two lines.
  let twice = 0;
  let previous = 0;
  const items = parser as AsyncIterable<{ record: string[]; info: InfoRecord }>;
  const shiftBad = (): RawRecord & { line: number } => {
    const { line, problem, isOpen } = bad.shift()!;
    // An open quote is known at the end of the file.
    previous = isOpen ? previous + 1 : line - twice;
    return { line: previous, problem };
  };
  try {
    for await (const { record: fields, info } of items) {
      while (bad.length > 0 && bad[0]!.line <= info.lines) yield shiftBad();
      twice += count(fields, /\r\n/g);
      const end = info.lines - twice;
      yield { line: Math.max(previous + 1, end - count(fields, /\r\n?|\n/g)), fields };
      previous = end;
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    addBad(error as CsvError);
  }
  while (bad.length > 0) yield shiftBad();
}

/** Occurrences within the fields. */
function count(fields: readonly string[], what: RegExp): number {
  return fields.reduce((sum, field) => sum + (field.match(what)?.length ?? 0), 0);
}

async function* decode(path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let lines = 1;
  try {
    for await (const piece of readBytes(path)) {
      const text = decoder.decode(piece, { stream: true });
      yield text;
      lines += text.split("\n").length - 1;
    }
    yield decoder.decode();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UserError(`Cannot read ${path}: it is not valid UTF-8, at line ${lines} or after`);
  }
}

function checkNames(path: string, first: RawRecord): string[] {
  const refuse = (problem: string): UserError => new UserError(`Cannot read ${path}:1: ${problem}`);
  if ("problem" in first) throw refuse(first.problem);
  const names = first.fields;
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw refuse(`two columns have the name ${quote(twice)}, expected a name for each`);
  return names;
}

function toRow(record: RawRecord, names: readonly string[]): { value: JsonValue } | { problem: string } {
  if ("problem" in record) return { problem: record.problem };
  const { fields } = record;
  if (fields.length !== names.length) {
    return { problem: `the row has ${fields.length} fields, expected ${names.length} as the first line has` };
  }
  // fromEntries, unlike assignment, keeps a column named __proto__ a column.
  return { value: Object.fromEntries(names.map((name, i) => [name, fields[i] === "" ? null : fields[i]!])) };
}
