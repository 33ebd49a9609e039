/** Columns of rows that a task's own functions read. @module */
import { UserError } from "../../error.ts";
import { quote } from "../../values.ts";
import type { Doc } from "../task_config.ts";

/** A column's text. Throws a UserError if it is none. */
export function textColumn(doc: Doc, name: string): string {
  const value = doc[name];
  if (typeof value === "string") return value;
  throw new UserError(`"${name}" is ${quote(value)}, expected a text`);
}

/** A column's texts. Throws a UserError if it has none. */
export function textsColumn(doc: Doc, name: string): string[] {
  const value = doc[name];
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value as string[];
  throw new UserError(`"${name}" is ${quote(value)}, expected texts`);
}
