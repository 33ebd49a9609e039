/** Tables for the terminal. @module */
import Table from "cli-table3";

/** Layout of a table. */
export interface TableOptions {
  /** Columns of text, by index; all others are aligned right, as numbers are. */
  text?: readonly number[];
  /** Columns of the terminal: a wider table becomes a list (default: no limit). */
  columns?: number;
}

/** A table as plain text, without colours, so that it may go into a file. */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  { text = [0], columns = Infinity }: TableOptions = {},
): string {
  const table = new Table({
    head: [...head],
    colAligns: head.map((_, i) => text.includes(i) ? "left" : "right"),
    style: { head: [], border: [] },
  });
  table.push(...rows.map((row) => [...row]));
  // A line under the head alone: one between all rows only makes the table twice as long.
  const lines = table.toString().split("\n").filter((line, i) => i === 2 || !line.startsWith("├"));
  return lines[0]!.length <= columns ? lines.join("\n") : formatList(head, rows);
}

/** The rows one under the other: the first cell, and what the others hold by their heads. */
function formatList(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return rows.map(([first, ...cells]) =>
    [`${first}`, ...cells.flatMap((cell, i) => cell === "" ? [] : [`  ${head[i + 1]}: ${cell}`])].join("\n")
  ).join("\n");
}

/** Columns of the terminal that standard output is; no limit where it is none. */
export function outputColumns(): number {
  try {
    // Some pseudo terminals say 0.
    return Deno.stdout.isTerminal() ? Deno.consoleSize().columns || Infinity : Infinity;
  } catch {
    return Infinity;
  }
}
