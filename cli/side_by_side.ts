/** Two texts beside each other. @module */
import { printable, safeLine } from "../core/safe_text.ts";
import { columnsOf, wrapText } from "./wrap_text.ts";

/** The least columns of a text that is still read easily; a narrower terminal gets the texts one below the other. */
const LEAST_COLUMNS = 24;

const BETWEEN = " │ ";

/** The texts in columns under their names, or where these were too narrow one below the other; it ends in a newline. */
export function sideBySide(names: readonly string[], texts: readonly string[], terminal: number): string {
  const width = Math.floor((terminal - BETWEEN.length * (texts.length - 1)) / texts.length);
  const safe = texts.map((text) => printable(text).replaceAll("\t", "    "));
  if (width < LEAST_COLUMNS) return names.map((name, i) => `${safeLine(name)}:\n${safe[i]}\n`).join("\n");
  const fit = (text: string): string[] => wrapText(text, width, { breaksWords: true });
  const heads = names.map((name) => fit(safeLine(name)));
  const head = Math.max(...heads.map((lines) => lines.length));
  const columns = safe.map((
    text,
    i,
  ) => [...Array.from({ length: head }, (_, row) => heads[i]![row] ?? ""), ...fit(text)]);
  const height = Math.max(...columns.map((lines) => lines.length));
  const rows = Array.from({ length: height }, (_, row) => columns.map((lines) => pad(lines[row] ?? "", width)));
  const lines = rows.map((cells) => cells.join(BETWEEN).trimEnd());
  lines.splice(head, 0, columns.map(() => "─".repeat(width)).join("─┼─"));
  return `${lines.join("\n")}\n`;
}

function pad(line: string, width: number): string {
  return line + " ".repeat(Math.max(0, width - columnsOf(line)));
}
