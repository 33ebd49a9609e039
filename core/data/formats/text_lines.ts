/** Reads a file's lines as text. @module */
import { readBytes } from "./file_bytes.ts";

/** A line's text without its end, and whether a `\r` stood before the `\n`; or what is wrong with the line. */
export type TextLine = { text: string; end?: "\r" } | { problem: string };

/** The longest line, in bytes; longer ones are refused before decoding, since V8's strings end at 512 Mi characters. */
export const MAX_LINE_BYTES = 256 * 2 ** 20;

/** Yields the file's lines, decoded and without their ends. It holds one line in memory at a time. */
export async function* textLines(path: string, maxBytes = MAX_LINE_BYTES): AsyncGenerator<TextLine> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  let first = true;
  const finish = (): TextLine => {
    const line = bytes > maxBytes ? { problem: `the line is longer than ${maxBytes} bytes` } : decodeLine(parts, first);
    first = false;
    parts = [];
    bytes = 0;
    return line;
  };
  for await (const piece of readBytes(path)) {
    let from = 0;
    while (from < piece.length) {
      const newline = piece.indexOf(10, from);
      const end = newline < 0 ? piece.length : newline;
      bytes += end - from;
      if (bytes <= maxBytes) parts.push(piece.subarray(from, end));
      else parts = [];
      if (newline >= 0) yield finish();
      from = end + 1;
    }
  }
  if (bytes > 0) yield finish();
}

function decodeLine(parts: readonly Uint8Array[], first: boolean): TextLine {
  // Each line has its own decoder, so a byte order mark is dropped in the first line only.
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: !first });
  try {
    let text = "";
    for (const part of parts) text += decoder.decode(part, { stream: true });
    text += decoder.decode();
    return text.endsWith("\r") ? { text: text.slice(0, -1), end: "\r" } : { text };
  } catch {
    return { problem: "the line is not valid UTF-8" };
  }
}
