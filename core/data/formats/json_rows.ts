/** Reads the rows of a JSON lines file (streamed) or of a JSON array file, each with its place in the file. @module */
import { checkNesting } from "../../files/json_nesting.ts";
import { errorLine } from "./data_problems.ts";
import { MAX_LINE_BYTES, type TextLine, textLines } from "./text_lines.ts";
import { ALL_ROWS, picker, type Wanted } from "./wanted_rows.ts";

/** Any JSON value. */
export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;

/** A JSON object. */
export interface JsonObject {
  /** Any key. */
  readonly [key: string]: JsonValue;
}

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
  } | {
    /** Why the row cannot be read. */
    problem: string;
  });

/**
 * Reads a JSON array if the file's first character besides white space is `[`, else JSON lines. Unreadable rows come as
 * problems. Returns the number of rows that it has gone through; unwanted rows are counted, but not parsed. Throws a
 * UserError if the file cannot be read at all.
 */
export async function* readJsonRows(
  path: string,
  { maxLineBytes = MAX_LINE_BYTES, wanted = ALL_ROWS }: { maxLineBytes?: number; wanted?: Wanted } = {},
): AsyncGenerator<JsonRow, number> {
  const lines = textLines(path, maxLineBytes);
  const picks = picker(wanted);
  let row = 0;
  let number = 0;
  for await (const line of lines) {
    if (row >= wanted.to) break;
    number++;
    const text = "text" in line ? line.text.trim() : undefined;
    if (text === "") continue;
    if (row === 0 && text?.startsWith("[")) {
      return yield* readArray(path, { firstLine: number, first: (line as { text: string }).text, lines, wanted });
    }
    if (picks(row)) {
      const where = `${path}:${number}`;
      yield { row, where, ...("problem" in line ? { problem: line.problem } : parseJson(text!)) };
    }
    row++;
  }
  return row;
}

/** Reads the rows of an array that begins in `first`, line `firstLine` of the file, and goes on in `lines`. */
async function* readArray(
  path: string,
  { firstLine, first, lines, wanted }: {
    firstLine: number;
    first: string;
    lines: AsyncIterable<TextLine>;
    wanted: Wanted;
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
    if (picks(row)) yield { row, where, ...("problem" in element ? element : parseJson(element.text)) };
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

/** The value of a JSON text, or what is wrong with the text. */
export function parseJson(text: string): { value: JsonValue } | { problem: string } {
  try {
    checkNesting(text);
    return { value: JSON.parse(text) };
  } catch (error) {
    return { problem: `not valid JSON (${errorLine(error)})` };
  }
}
