/** Columns called by other names than those that the forms know. @module */
import { UserError } from "../../error.ts";
import { quote } from "./data_problems.ts";
import type { JsonObject } from "./json_rows.ts";

/** What a column can be. */
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
] as const;

/** The name of a column by what it is. */
export type Columns = { readonly [key in (typeof COLUMN_KEYS)[number]]?: string };

/**
 * The row with its mapped columns under the forms' names; what they are called in the file is gone, and so is a column that
 * had a form's name before. Throws a UserError naming a column that is not there, and those that are.
 */
export function mapColumns(row: JsonObject, columns: Columns, all: readonly string[] = Object.keys(row)): JsonObject {
  const entries = Object.entries(columns);
  if (entries.length === 0) return row;
  for (const [key, name] of entries) {
    if (Object.hasOwn(row, name)) continue;
    throw new UserError(`there is no column ${quote(name)} (data.columns.${key}), expected one of ${listColumns(all)}`);
  }
  const gone = entries.flat();
  return Object.fromEntries([
    ...Object.entries(row).filter(([key]) => !gone.includes(key)),
    ...entries.map(([key, name]) => [key, row[name]!] as const),
  ]);
}

/** Names of columns, the first twelve of them. */
export function listColumns(names: readonly string[]): string {
  return names.slice(0, 12).map((name) => quote(name)).join(", ") + (names.length > 12 ? ", …" : "");
}
