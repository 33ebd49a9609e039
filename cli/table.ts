/** Tables for the terminal. @module */
import Table from "cli-table3";

/** Layout of a table. */
export interface TableOptions {
  /** Columns of text, by index; all others are aligned right, as numbers are. */
  text?: readonly number[];
}

/** A table as plain text, without colours, so that it may go into a file. */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  { text = [0] }: TableOptions = {},
): string {
  const table = new Table({
    head: [...head],
    colAligns: head.map((_, i) => text.includes(i) ? "left" : "right"),
    style: { head: [], border: [] },
  });
  table.push(...rows.map((row) => [...row]));
  return table.toString();
}
