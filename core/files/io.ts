/** File trouble and untrusted JSON, told as one-line errors. @module */
import { UserError } from "../error.ts";
import { isRecord, quote } from "../values.ts";
import { checkNesting } from "./json_nesting.ts";

/** A UserError beginning with `action` where `error` comes from the file system or a missing permission, else `error`. */
export function explainIoError(error: unknown, action: string): unknown {
  if (!(error instanceof Error) || error instanceof UserError) return error;
  const known = typeof (error as { code?: unknown }).code === "string" ||
    Object.values(Deno.errors).some((kind) => error instanceof kind);
  if (!known) return error;
  const detail = oneLine(error.message).replace(/ \(os error \d+\).*$/, "");
  return new UserError(`${action}: ${detail}`);
}

/** Size of an ordinary file in bytes; throws a UserError where `path` is missing, unreadable or something else. */
export async function fileSize(path: string): Promise<number> {
  const info = await Deno.stat(path).catch((error) => {
    throw explainIoError(error, `Cannot read ${path}`);
  });
  if (!info.isFile) throw new UserError(`Cannot read ${path}: it is not a file, expected one`);
  return info.size;
}

/** Whether anything lies at `path` (a dangling link counts as nothing). */
export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw explainIoError(error, `Cannot read ${path}`);
  }
}

/** Reads a UTF-8 JSON file that holds an object; a larger file than `maxBytes` (default 16 MiB) is refused unread. */
export async function readJsonObject(
  path: string,
  { maxBytes = 16 * 2 ** 20 }: { maxBytes?: number } = {},
): Promise<Record<string, unknown>> {
  const size = await fileSize(path);
  if (size > maxBytes) {
    throw new UserError(`Cannot read ${path}: it has ${size} bytes, expected at most ${maxBytes}`);
  }
  const bytes = await Deno.readFile(path).catch((error) => {
    throw explainIoError(error, `Cannot read ${path}`);
  });
  return parseJsonObject(bytes, path);
}

/** Parses UTF-8 JSON that must be an object; `what` opens the message of the UserError thrown otherwise. */
export function parseJsonObject(bytes: Uint8Array, what: string): Record<string, unknown> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new UserError(`Cannot read ${what}: it is not UTF-8, expected a JSON object`);
  }
  let value: unknown;
  try {
    checkNesting(text);
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError(`Cannot read ${what}: it is not JSON (${oneLine((error as Error).message)})`);
  }
  if (!isRecord(value)) throw new UserError(`Cannot read ${what}: it is ${quote(value)}, expected a JSON object`);
  return value;
}

/** V8 quotes the offending source, newlines and all: escape what would break the one line. */
function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/\s+/g, " ").replace(/[\u0000-\u001f\u007f]/g, "?");
}
