/** CSV files (RFC 4180), with newlines alone. @module */

/** The text of a table; a cell that is null or undefined is empty. */
export function csvText(rows: readonly (readonly (string | number | null | undefined)[])[]): string {
  return rows.map((cells) => cells.map((cell) => quoted(String(cell ?? ""))).join(",") + "\n").join("");
}

function quoted(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
