/** Renames columns whose names are not those of the known shapes. @module */
import { UserError } from "../../error.ts";
import { shortQuote } from "./data_problems.ts";
import type { JsonObject } from "./json_rows.ts";

/** What a column can hold. */
export const COLUMN_KEYS = [
  "prompt",
  "response",
  "chosen",
  "rejected",
  "messages",
  "instruction",
  "input",
  "output",
  "system",
  "reference",
  "tools",
] as const;

/** Names of columns by what they hold. */
export type Columns = { readonly [key in (typeof COLUMN_KEYS)[number]]?: string };

/**
 * Renames the mapped columns of a row to the names that the shapes know. Their names in the file are gone, and so is
 * any column that already had such a name. Throws a UserError that names a missing column, and those that are there.
 */
export function mapColumns(row: JsonObject, columns: Columns, all: readonly string[] = Object.keys(row)): JsonObject {
  const entries = Object.entries(columns);
  if (entries.length === 0) return row;
  for (const [key, name] of entries) {
    if (Object.hasOwn(row, name)) continue;
    throw new UserError(
      `there is no column ${shortQuote(name)} (data.columns.${key}), expected one of ${listColumns(all)}`,
    );
  }
  const gone = entries.flat();
  return Object.fromEntries([
    ...Object.entries(row).filter(([key]) => !gone.includes(key)),
    ...entries.map(([key, name]) => [key, row[name]!] as const),
  ]);
}

/** The names of columns as text, at most the first twelve. */
export function listColumns(names: readonly string[]): string {
  return names.slice(0, 12).map((name) => shortQuote(name)).join(", ") + (names.length > 12 ? ", …" : "");
}
