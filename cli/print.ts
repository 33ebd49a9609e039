/** The one door through which text leaves for this process's streams, whose readers may leave. @module */
import { safeJson, safeLine } from "../core/safe_text.ts";
import { terminalColumns } from "./terminal_columns.ts";
import { showsColors } from "./terminal_kind.ts";
import { wrapText } from "./wrap_text.ts";

/** Thrown where nobody reads a stream any more, as after `| head`. */
export class ClosedOutput extends Error {
  override readonly name = "ClosedOutput";
}

/**
 * Returns what writes a text as it is to a stream, all of it. That throws ClosedOutput if nobody reads the stream any
 * more.
 */
export function print(stream: { writeSync(bytes: Uint8Array): number }): (text: string) => void {
  return (text) => {
    let bytes = new TextEncoder().encode(text);
    try {
      while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
    } catch (error) {
      throw error instanceof Deno.errors.BrokenPipe ? new ClosedOutput(error.message) : error;
    }
  };
}

/** Writes a text as it is to standard error; where nobody reads that, work goes on. */
export function writeToStderr(text: string): void {
  try {
    print(Deno.stderr)(text);
  } catch (error) {
    if (!(error instanceof ClosedOutput)) throw error;
  }
}

/** Prints lines on standard output. What names and data could do to a terminal is left out: each stays one line. */
export function say(...lines: string[]): void {
  print(Deno.stdout)(lines.map((line) => `${safeLine(line)}\n`).join(""));
}

/** As {@linkcode say}, for people: in a terminal, long lines are broken between words. */
export function sayText(...lines: string[]): void {
  print(Deno.stdout)(lines.map((line) => `${fitted(safeLine(line), Deno.stdout)}\n`).join(""));
}

/** Prints a value for programs on standard output, as JSON that is safe to show and exact. */
export function sayJson(value: unknown): void {
  print(Deno.stdout)(`${safeJson(value)}\n`);
}

/** As {@linkcode say}, on standard error; in a terminal, long lines are broken between words. */
export function tell(...lines: string[]): void {
  writeToStderr(lines.map((line) => `${fitted(safeLine(line), Deno.stderr)}\n`).join(""));
}

/** As {@linkcode tell}, in a terminal's faint letters. */
export function tellFaint(line: string): void {
  const isStyled = showsColors(Deno.stderr);
  const safe = fitted(safeLine(line), Deno.stderr);
  writeToStderr(`${isStyled ? `\x1b[2m${safe}\x1b[22m` : safe}\n`);
}

function fitted(line: string, stream: { isTerminal(): boolean }): string {
  if (!stream.isTerminal()) return line;
  const columns = terminalColumns(stream, 80);
  // A line that begins with a title goes on below what follows the title.
  const title = /^(?:\S+ )*\S* {2,}/.exec(line)?.[0].length ?? 2;
  return wrapText(line, columns, { indent: title <= columns / 3 ? title : 2 }).join("\n");
}
