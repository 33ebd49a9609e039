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
 * Reads a table as pandas does, all of whose cells are texts, or null if they are empty: fields that hold the delimiter
 * or a line end stand in double quotes, in which `""` is a quote; elsewhere a quote is a character. A row with fewer
 * fields than the first line has null for the others. Malformed rows come as problems, with the line where they begin.
 * Returns the number of rows that it has gone through.
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
async function* readRecords(path: string, delimiter: "," | "\t"): AsyncGenerator<RawRecord & { line: number }> {
  const blank = delimiter === "," ? /^[ \t]*$/ : /^ *$/;
  let record = new OpenRecord(delimiter);
  let begin = 0;
  let number = 0;
  for await (const line of textLines(path)) {
    // A lone \r ends a line too.
    const parts = "problem" in line ? [line] : line.text.split("\r");
    for (const [i, part] of parts.entries()) {
      number++;
      if (!record.isOpen) {
        if (typeof part === "string" && blank.test(part)) continue;
        begin = number;
      }
      const end = i < parts.length - 1 ? "\r" : "end" in line ? "\r\n" : "\n";
      const problem = typeof part === "string" ? record.add(part, end) : part.problem;
      if (problem === undefined && record.isOpen) continue;
      yield { line: begin, ...(problem === undefined ? { fields: record.fields } : { problem }) };
      record = new OpenRecord(delimiter);
    }
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

  /** Adds a line and the `end` that belongs to the text if a quote is open; returns what is wrong with the record. */
  add(text: string, end: string): string | undefined {
    this.#size += text.length + end.length;
    if (this.#size > MAX_RECORD) return `the row has more than ${MAX_RECORD} characters (is a quote not closed?)`;
    if (++this.#lines > MAX_RECORD_LINES) {
      return `the row has more than ${MAX_RECORD_LINES} lines (is a quote not closed?)`;
    }
    let at = this.isOpen ? this.#closeQuote(text, 0) : this.#field(text, 0);
    // `at` is between two fields.
    while (at !== null && at < text.length) at = this.#field(text, at + 1);
    if (this.isOpen) this.#quoted!.push(end);
    return undefined;
  }

  /** Reads the field at `at`; returns where it ends, null if its quote stays open. */
  #field(text: string, at: number): number | null {
    if (text[at] === '"') {
      this.#quoted = [];
      return this.#closeQuote(text, at + 1);
    }
    const end = this.#fieldEnd(text, at);
    this.fields.push(text.slice(at, end));
    return end;
  }

  #fieldEnd(text: string, at: number): number {
    const next = text.indexOf(this.#delimiter, at);
    return next < 0 ? text.length : next;
  }

  #closeQuote(text: string, from: number): number | null {
    const parts = this.#quoted!;
    for (let at = from;;) {
      const next = text.indexOf('"', at);
      if (next < 0) {
        parts.push(text.slice(at));
        return null;
      }
      parts.push(text.slice(at, next));
      if (text[next + 1] !== '"') {
        // What follows the quote belongs to the field as it is.
        const end = this.#fieldEnd(text, next + 1);
        this.fields.push(parts.join("") + text.slice(next + 1, end));
        this.#quoted = null;
        return end;
      }
      parts.push('"');
      at = next + 2;
    }
  }
}

function checkNames(where: string, first: RawRecord): string[] {
  const refuse = (problem: string): UserError => new UserError(`Cannot read ${where}: ${problem}`);
  if ("problem" in first) throw refuse(first.problem);
  // pandas gives the columns without a name, such as its own index, these names.
  const names = first.fields.map((name, i) => name === "" ? `Unnamed: ${i}` : name);
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
  if (fields.length > names.length) {
    return { problem: `the row has ${fields.length} fields, expected at most ${names.length} as the first line has` };
  }
  // fromEntries, unlike assignment, keeps a column named __proto__ a column.
  return { value: Object.fromEntries(names.map((name, i) => [name, fields[i] || null])) };
}
