/** Reads a table of comma or tab separated values, whose first line holds the columns' names. @module */
import { UserError } from "../../error.ts";
import { shortQuote } from "./data_problems.ts";
import type { JsonRow, JsonValue } from "./json_rows.ts";
import { textLines } from "./text_lines.ts";
import { ALL_ROWS, picker, type Wanted } from "./wanted_rows.ts";

/** The longest row, in characters and lines. Without a limit, a quote that is not closed would take the whole file. */
const MAX_RECORD = 1 << 24;
const MAX_RECORD_LINES = 20_000;

/**
 * Reads a table as in RFC 4180: fields that hold the delimiter, a quote or a line end stand in double quotes. A cell is
 * a text (with `\n` for its line ends), or null if it is empty. Malformed rows come as problems, with the line where
 * they begin. Returns the number of rows that it has gone through.
 */
export async function* readCsvRows(
  path: string,
  { delimiter, wanted = ALL_ROWS }: { delimiter: "," | "\t"; wanted?: Wanted },
): AsyncGenerator<JsonRow, number> {
  const picks = picker(wanted);
  let names: string[] | undefined;
  let row = 0;
  for await (const { line, ...record } of readRecords(path, delimiter)) {
    if (names === undefined) {
      names = checkNames(`${path}:${line}`, record);
      continue;
    }
    if (row >= wanted.to) break;
    if (picks(row)) yield { row, where: `${path}:${line}`, ...toRow(record, names) };
    row++;
  }
  return row;
}

type RawRecord = { fields: string[] } | { problem: string };

/** Yields the records, each with the line where it begins. After a malformed one, reading goes on in the next line. */
async function* readRecords(path: string, delimiter: string): AsyncGenerator<RawRecord & { line: number }> {
  let record = new OpenRecord(delimiter);
  let begin = 0;
  let number = 0;
  for await (const line of textLines(path)) {
    number++;
    if (!record.isOpen) {
      if ("text" in line && line.text === "") continue;
      begin = number;
    }
    const problem = "problem" in line ? line.problem : record.add(line.text);
    if (problem === undefined && record.isOpen) continue;
    yield { line: begin, ...(problem === undefined ? { fields: record.fields } : { problem }) };
    record = new OpenRecord(delimiter);
  }
  if (record.isOpen) yield { line: begin, problem: "a quote is not closed" };
}

/** A record whose lines are being read. */
class OpenRecord {
  readonly fields: string[] = [];
  readonly #delimiter: string;
  /** The text so far of a field whose quote is open. */
  #quoted: string[] | null = null;
  #size = 0;
  #lines = 0;

  constructor(delimiter: string) {
    this.#delimiter = delimiter;
  }

  /** Whether a quote is open, so that the record continues in the next line. */
  get isOpen(): boolean {
    return this.#quoted !== null;
  }

  /** Adds a line; returns what is wrong with the record, if anything. */
  add(text: string): string | undefined {
    this.#size += text.length + 1;
    if (this.#size > MAX_RECORD) return `the row has more than ${MAX_RECORD} characters (is a quote not closed?)`;
    if (++this.#lines > MAX_RECORD_LINES) {
      return `the row has more than ${MAX_RECORD_LINES} lines (is a quote not closed?)`;
    }
    let at = this.isOpen ? this.#closeQuote(text, 0) : this.#field(text, 0);
    while (typeof at === "number" && at < text.length) {
      // `at` is between two fields.
      if (text[at] !== this.#delimiter) return "there is text after the quote that closes a field";
      at = this.#field(text, at + 1);
    }
    return typeof at === "string" ? at : undefined;
  }

  /** Reads the field at `at`; returns where it ends, null if its quote stays open, or what is wrong. */
  #field(text: string, at: number): number | null | string {
    if (text[at] === '"') {
      this.#quoted = [];
      return this.#closeQuote(text, at + 1);
    }
    const next = text.indexOf(this.#delimiter, at);
    const end = next < 0 ? text.length : next;
    const field = text.slice(at, end);
    if (field.includes('"')) return 'there is a quote within a field that has none around it, expected ""…""';
    this.fields.push(field);
    return end;
  }

  #closeQuote(text: string, from: number): number | null {
    const parts = this.#quoted!;
    for (let at = from;;) {
      const next = text.indexOf('"', at);
      if (next < 0) {
        parts.push(text.slice(at), "\n");
        return null;
      }
      parts.push(text.slice(at, next));
      if (text[next + 1] !== '"') {
        this.fields.push(parts.join(""));
        this.#quoted = null;
        return next + 1;
      }
      parts.push('"');
      at = next + 2;
    }
  }
}

function checkNames(where: string, first: RawRecord): string[] {
  const refuse = (problem: string): UserError => new UserError(`Cannot read ${where}: ${problem}`);
  if ("problem" in first) throw refuse(first.problem);
  const names = first.fields;
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) throw refuse(`two columns have the name ${shortQuote(name)}, expected a name for each`);
    seen.add(name);
  }
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
