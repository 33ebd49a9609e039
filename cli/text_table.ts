/** Tables for the terminal. @module */
import Table from "cli-table3";
import { safeLine } from "../core/safe_text.ts";
import { terminalColumns } from "./terminal_columns.ts";

/** Layout of a table. */
export interface TableOptions {
  /** Columns of text, by index; all others are aligned right, as numbers are. */
  text?: readonly number[];
  /** Columns of the terminal: a wider table becomes a list (default: no limit). */
  columns?: number;
}

/** A table as plain text, without colours and without control characters of the cells, so that it may go into a file. */
export function formatTable(
  heads: readonly string[],
  cells: readonly (readonly (string | number)[])[],
  { text = [0], columns = Infinity }: TableOptions = {},
): string {
  const head = heads.map(safeLine);
  const rows = cells.map((row) => row.map((cell) => safeLine(String(cell))));
  const table = new Table({
    head: [...head],
    colAligns: head.map((_, i) => text.includes(i) ? "left" : "right"),
    style: { head: [], border: [] },
  });
  table.push(...rows.map((row) => [...row]));
  // Only the line under the head stays: lines between all rows would make the table twice as long.
  const lines = table.toString().split("\n").filter((line, i) => i === 2 || !line.startsWith("├"));
  return lines[0]!.length <= columns ? lines.join("\n") : formatList(head, rows);
}

/** The rows as a list: the first cell, and below it each other cell that is not empty, with its head if it has one. */
function formatList(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (name: string, cell: string | number): string => name === "" ? `  ${cell}` : `  ${name}: ${cell}`;
  return rows.map(([first, ...cells]) =>
    [`${first}`, ...cells.flatMap((cell, i) => cell === "" ? [] : [line(head[i + 1]!, cell)])].join("\n")
  ).join("\n");
}

/** Columns of the terminal if standard output is one, otherwise no limit. */
export function outputColumns(): number {
  return terminalColumns(Deno.stdout, Infinity);
}
