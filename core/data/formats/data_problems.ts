/** Texts for the problems of data, always in one line. @module */
import { maskCredentials, printable } from "../../safe_text.ts";

/** The message of a caught error, in one line of at most 200 characters without control characters. */
export function errorLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  // Cut before the search: a message may contain a whole file.
  const line = maskCredentials(printable(message.slice(0, 1000))).replace(/\s+/g, " ").trim();
  return line.length > 200 ? `${line.slice(0, 199)}…` : line;
}

/** The reason why a file could not be read, without its path. */
export function ioProblem(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder, expected a file";
  if (error instanceof Deno.errors.PermissionDenied) return "the system does not allow reading it";
  return errorLine(error);
}

/** Describes a JSON value for a message "is …, expected …". */
export function describe(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (value instanceof Number || typeof value === "bigint") return errorLine(String(value).slice(0, 40));
  if (typeof value === "object") return "an object";
  if (typeof value === "string") return value === "" ? "an empty string" : `the string ${shortQuote(value)}`;
  return String(value);
}

/** A string of the data in quotes, cut to 40 characters; `quote` of values.ts cuts any JSON value to 80. */
export function shortQuote(text: string): string {
  const masked = maskCredentials(text.slice(0, 1000));
  return errorLine(JSON.stringify(masked.length > 40 ? `${masked.slice(0, 39)}…` : masked));
}
