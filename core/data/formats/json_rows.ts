/** Reads the rows of a JSON lines file (streamed) or of a JSON array file, each with its place in the file. @module */
import type { JsonValue } from "./json_numbers.ts";
import { RowSplitter } from "./json_objects.ts";
import type { JsonScan } from "./json_scan.ts";
import { type ParsedJson, parseJson } from "./json_texts.ts";
import { rememberOrder } from "./key_order.ts";
import { MAX_LINE_BYTES, type TextLine, textLines } from "./text_lines.ts";
import { ALL_ROWS, picker, type Wanted } from "./wanted_rows.ts";

export type { JsonObject, JsonValue } from "./json_numbers.ts";

/** One row of a file: its value, or what is wrong with its text. */
export type JsonRow =
  & {
    /** 0-based index among the file's rows; unreadable ones count too. */
    row: number;
    /** `file:line` where the row begins; for a file without lines, `file, row` and the row's 0-based index. */
    where: string;
    /** All columns of the table, if the value holds only some of them. */
    columns?: readonly string[];
  }
  & ({
    /** The row. */
    value: JsonValue;
    /** Set if one of its numbers is NaN or infinite. */
    hasNonFinite?: true;
  } | {
    /** Why the row cannot be read. */
    problem: string;
  });

/** Text that is parsed at once, as it is too short to nest deeper than a parser can take. */
const MAX_SHORT = 1000;

/** How rows of JSON are read. */
export interface JsonRowsOptions {
  maxLineBytes?: number;
  wanted?: Wanted;
  /** Whether numbers keep their digits, as in {@linkcode parseExact} (default false). */
  exact?: boolean;
}

/**
 * Reads a JSON array if the file's first character besides white space is `[`, else JSON lines: objects one after the
 * other, which may share a line or go over several. Unreadable rows come as problems. Returns the number of rows that it
 * has gone through; unwanted rows are counted, but not parsed. Throws a UserError if the file cannot be read at all.
 */
export async function* readJsonRows(
  path: string,
  { maxLineBytes = MAX_LINE_BYTES, wanted = ALL_ROWS, exact = false }: JsonRowsOptions = {},
): AsyncGenerator<JsonRow, number> {
  const lines = textLines(path, maxLineBytes);
  const picks = picker(wanted);
  const splitter = new RowSplitter();
  let row = 0;
  let number = 0;
  for await (const line of lines) {
    if (row >= wanted.to) break;
    number++;
    if (row === 0 && !splitter.isOpen && "text" in line && line.text.trimStart().startsWith("[")) {
      return yield* readArray(path, { firstLine: number, first: line.text, lines, wanted, exact });
    }
    // Most rows are a whole line: it need not be cut.
    const whole = "text" in line && !splitter.isOpen && picks(row) ? parseShort(line.text, exact) : null;
    if (whole !== null) {
      yield { row: row++, where: `${path}:${number}`, ...whole };
      continue;
    }
    for (const { line: begin, ...found } of splitter.add(line, number)) {
      if (row < wanted.to && picks(row)) yield { row, where: `${path}:${begin}`, ...valueOf(found, exact) };
      row++;
    }
  }
  for (const { line: begin, ...found } of splitter.finish()) {
    if (row < wanted.to && picks(row)) yield { row, where: `${path}:${begin}`, ...valueOf(found, exact) };
    row++;
  }
  return row;
}

/** A short line that is one object; null if it is anything else. */
function parseShort(text: string, exact: boolean): ParsedJson | null {
  if (text.length > MAX_SHORT || !text.startsWith("{")) return null;
  try {
    const value = JSON.parse(text) as JsonValue;
    if (exact && mayChange(value)) return parseJson(text, { exact });
    rememberOrder(text, value);
    return { value };
  } catch {
    return null;
  }
}

/** Whether parsing may have changed a number of a value: it is whole, or infinite. */
function mayChange(value: JsonValue): boolean {
  if (typeof value === "number") return Number.isInteger(value) || !Number.isFinite(value);
  if (typeof value !== "object" || value === null) return false;
  return (Array.isArray(value) ? value : Object.values(value)).some(mayChange);
}

function valueOf(found: TextLine & { scan?: JsonScan }, exact: boolean): ParsedJson {
  return "problem" in found ? found : parseJson(found.text, { exact, ...(found.scan && { scan: found.scan }) });
}

/** Reads the rows of an array that begins in `first`, line `firstLine` of the file, and goes on in `lines`. */
async function* readArray(
  path: string,
  { firstLine, first, lines, wanted, exact }: {
    firstLine: number;
    first: string;
    lines: AsyncIterable<TextLine>;
    wanted: Wanted;
    exact: boolean;
  },
): AsyncGenerator<JsonRow, number> {
  const parts = [first];
  for await (const line of lines) {
    if ("problem" in line) {
      yield { row: 0, where: `${path}:${firstLine + parts.length}`, problem: line.problem };
      return 1;
    }
    parts.push(line.text);
  }
  const picks = picker(wanted);
  let row = 0;
  for (const { line, ...element } of arrayElements(parts)) {
    if (row >= wanted.to) break;
    const where = `${path}:${firstLine + line}`;
    if (picks(row)) yield { row, where, ...valueOf(element, exact) };
    row++;
  }
  return row;
}

/** Cuts an array's text at its own commas; `line` is the line where an element begins, counted from 0. */
function* arrayElements(lines: readonly string[]): Generator<TextLine & { line: number }> {
  let parts: string[] = [];
  let begin = 0;
  let depth = 0;
  let inString = false;
  let closed = false;
  let elements = 0;
  for (const [line, text] of lines.entries()) {
    // The first line contains the bracket that opens the array.
    let from = line === 0 ? text.indexOf("[") + 1 : 0;
    for (let i = from; i < text.length; i++) {
      const c = text[i]!;
      if (closed) {
        if (c.trim() === "") continue;
        yield { line, problem: "there is text after the end of the array" };
        return;
      }
      if (inString) {
        if (c === "\\") i++;
        else if (c === '"') inString = false;
        continue;
      }
      if (c === '"') inString = true;
      else if (c === "[" || c === "{") depth++;
      else if (depth > 0 && (c === "]" || c === "}")) depth--;
      else if (depth === 0 && (c === "," || c === "]")) {
        parts.push(text.slice(from, i));
        const element = parts.join("\n");
        closed = c === "]";
        if (!closed || elements > 0 || element.trim() !== "") {
          elements++;
          yield { line: begin, text: element.trim() };
        }
        parts = [];
        from = i + 1;
        begin = line;
      }
    }
    const tail = text.slice(from);
    if (parts.length > 0 || tail.trim() !== "") parts.push(tail);
    else begin = line + 1;
  }
  if (!closed) yield { line: Math.min(begin, lines.length - 1), problem: "the array is not closed" };
}
