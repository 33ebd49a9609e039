/** Rows of a JSON lines file (streamed) or of a JSON array file, each with its place in the file. @module */
import { UserError } from "../error.ts";
import { checkNesting } from "../nesting.ts";
import { ioProblem, oneLine } from "./problems.ts";

/** Any JSON value. */
export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;

/** A JSON object. */
export interface JsonObject {
  /** Any key. */
  readonly [key: string]: JsonValue;
}

/** One row as it stands in the file: its value, or what is wrong with its text. */
export type JsonRow =
  & {
    /** 0-based index among the file's rows, unreadable ones counted. */
    row: number;
    /** `file:line` where the row begins. */
    where: string;
  }
  & ({
    /** The row. */
    value: JsonValue;
  } | {
    /** Why the row cannot be read. */
    problem: string;
  });

/** A line's text, or what is wrong with it. */
type Line = { text: string } | { problem: string };

/** V8's strings end at 512 Mi characters: a line beyond this is refused before it is decoded. */
const MAX_LINE_BYTES = 256 * 2 ** 20;

/**
 * Reads a file whose first character that is no space says what it is: `[` a JSON array, anything else JSON lines.
 * Unreadable rows come as problems; a file that cannot be read at all is a UserError.
 */
export async function* readJsonRows(
  path: string,
  { maxLineBytes = MAX_LINE_BYTES }: { maxLineBytes?: number } = {},
): AsyncGenerator<JsonRow> {
  const lines = readLines(path, maxLineBytes);
  let row = 0;
  let number = 0;
  for await (const line of lines) {
    number++;
    const where = `${path}:${number}`;
    if ("problem" in line) {
      yield { row: row++, where, problem: line.problem };
      continue;
    }
    const text = line.text.trim();
    if (text === "") continue;
    if (row === 0 && text.startsWith("[")) {
      yield* readArray(path, number, line.text, lines);
      return;
    }
    yield { row: row++, where, ...parseJson(text) };
  }
}

/** The rows of an array that opens in `first`, line `firstLine` of the file, and goes on in `rest`. */
async function* readArray(
  path: string,
  firstLine: number,
  first: string,
  rest: AsyncIterable<Line>,
): AsyncGenerator<JsonRow> {
  const parts = [first];
  for await (const line of rest) {
    if ("problem" in line) {
      yield { row: 0, where: `${path}:${firstLine + parts.length}`, problem: line.problem };
      return;
    }
    parts.push(line.text);
  }
  let row = 0;
  for (const { line, ...element } of arrayElements(parts)) {
    const where = `${path}:${firstLine + line}`;
    yield { row: row++, where, ...("problem" in element ? element : parseJson(element.text)) };
  }
}

/** Cuts an array's text at its own commas; `line` counts from 0 where an element begins. */
function* arrayElements(lines: readonly string[]): Generator<Line & { line: number }> {
  let parts: string[] = [];
  let begin = 0;
  let depth = 0;
  let inString = false;
  let closed = false;
  let elements = 0;
  for (const [line, text] of lines.entries()) {
    // The lines before this one hold the bracket that opens the array in the first.
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

function parseJson(text: string): { value: JsonValue } | { problem: string } {
  try {
    checkNesting(text);
    return { value: JSON.parse(text) };
  } catch (error) {
    return { problem: `not valid JSON (${oneLine(error)})` };
  }
}

/** The file's lines, decoded, without their ends; memory is that of the longest line. */
async function* readLines(path: string, maxBytes: number): AsyncGenerator<Line> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  let first = true;
  const finish = (): Line => {
    const line = bytes > maxBytes ? { problem: `the line is longer than ${maxBytes} bytes` } : decodeLine(parts, first);
    first = false;
    parts = [];
    bytes = 0;
    return line;
  };
  try {
    using file = await Deno.open(path);
    const buffer = new Uint8Array(1 << 18);
    for (;;) {
      const count = await file.read(buffer);
      if (count === null) break;
      let from = 0;
      while (from < count) {
        const newline = buffer.subarray(0, count).indexOf(10, from);
        const end = newline < 0 ? count : newline;
        bytes += end - from;
        if (bytes <= maxBytes) parts.push(buffer.slice(from, end));
        else parts = [];
        if (newline >= 0) yield finish();
        from = end + 1;
      }
    }
    if (bytes > 0) yield finish();
  } catch (error) {
    throw new UserError(`Cannot read ${path}: ${ioProblem(error)}`);
  }
}

function decodeLine(parts: readonly Uint8Array[], first: boolean): Line {
  // Each line has its own decoder, so a byte order mark is dropped in the first line only.
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: !first });
  try {
    let text = "";
    for (const part of parts) text += decoder.decode(part, { stream: true });
    text += decoder.decode();
    return { text: text.endsWith("\r") ? text.slice(0, -1) : text };
  } catch {
    return { problem: "the line is not valid UTF-8" };
  }
}
