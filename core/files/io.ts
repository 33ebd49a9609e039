/** Reads, lists, moves and removes files; failures are thrown as errors of one line. @module */
import { UserError } from "../error.ts";
import { isRecord, quote } from "../values.ts";
import { fileSystem, isFileSystemError, isNotFound } from "./file_system.ts";
import { checkNesting } from "./json_nesting.ts";
import { join } from "./path.ts";

/** A UserError that begins with `action` if the file system or a missing permission caused `error`; else `error`. */
export function explainIoError(error: unknown, action: string): unknown {
  if (!(error instanceof Error) || error instanceof UserError || !isFileSystemError(error)) return error;
  const detail = oneLine(error.message).replace(/ \(os error \d+\).*$/, "");
  return new UserError(`${action}: ${detail}`);
}

/** Runs `work` on files; a failure of the file system becomes a UserError that begins with `action`. */
export async function explained<T>(action: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw explainIoError(error, action);
  }
}

/** The size of an ordinary file in bytes. Throws a UserError if `path` is missing, unreadable or something else. */
export async function fileSize(path: string): Promise<number> {
  const info = await explained(`Cannot read ${path}`, () => fileSystem().stat(path));
  if (!info.isFile) throw new UserError(`Cannot read ${path}: it is not a file, expected one`);
  return info.size;
}

/**
 * Whether anything is at `path`; a dangling link counts as nothing, and so does what would lie in a file. Throws a
 * UserError if it cannot be looked at.
 */
export async function exists(path: string): Promise<boolean> {
  try {
    await fileSystem().stat(path);
    return true;
  } catch (error) {
    if (isNotFound(error) || error instanceof Error && error.name === "NotADirectory") return false;
    throw explainIoError(error, `Cannot read ${path}`);
  }
}

/** Whether `path` is a folder; false if it cannot be looked at. */
export async function isFolder(path: string): Promise<boolean> {
  return await fileSystem().stat(path).then((info) => info.isDirectory, () => false);
}

/** The most bytes of a file that is read whole: a text can be little longer. */
const MAX_WHOLE_BYTES = 2 ** 29 - 2 ** 10;

/**
 * Reads a file whole. Throws a UserError for what is no ordinary file, as a pipe or a device may never end, and for a
 * file that is too large; else what the file system throws.
 */
export async function readWhole(path: string, what: string = path): Promise<Uint8Array<ArrayBuffer>> {
  const { isFile, isDirectory, size } = await fileSystem().stat(path);
  if (!isFile && !isDirectory) throw new UserError(`Cannot read ${what}: it is not a file, expected one`);
  if (size > MAX_WHOLE_BYTES) {
    throw new UserError(`Cannot read ${what}: it has ${size} bytes, expected at most ${MAX_WHOLE_BYTES}`);
  }
  return await fileSystem().readFile(path);
}

/**
 * Reads a text file. Throws a UserError, in which `what` (default: the path) names the file. Bytes that are no UTF-8
 * become U+FFFD, or an error if `isStrict`.
 */
export async function readText(
  path: string,
  { what = path, isStrict = false }: { what?: string; isStrict?: boolean } = {},
): Promise<string> {
  let bytes;
  try {
    bytes = await readWhole(path, what);
  } catch (error) {
    if (isNotFound(error)) throw new UserError(`Cannot read ${what}: there is no such file`);
    throw explainIoError(error, `Cannot read ${what}`);
  }
  return isStrict ? decodeUtf8(bytes, what) : new TextDecoder().decode(bytes);
}

/** The text in UTF-8 bytes. Throws a UserError that names `what` if they are none. */
export function decodeUtf8(bytes: Uint8Array, what: string, expected = ""): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new UserError(`Cannot read ${what}: it is not UTF-8${expected}`);
  }
}

/** As {@linkcode readText}, but returns null if there is no such file. */
export async function readOptionalText(path: string): Promise<string | null> {
  try {
    return new TextDecoder().decode(await readWhole(path));
  } catch (error) {
    if (isNotFound(error)) return null;
    throw explainIoError(error, `Cannot read ${path}`);
  }
}

/** Reads a UTF-8 JSON file that holds an object. A file above `maxBytes` (default 16 MiB) is refused unread. */
export async function readJsonObject(
  path: string,
  { maxBytes = 16 * 2 ** 20 }: { maxBytes?: number } = {},
): Promise<Record<string, unknown>> {
  const size = await fileSize(path);
  if (size > maxBytes) {
    throw new UserError(`Cannot read ${path}: it has ${size} bytes, expected at most ${maxBytes}`);
  }
  return parseJsonObject(await explained(`Cannot read ${path}`, () => fileSystem().readFile(path)), path);
}

/** Parses UTF-8 JSON that must be an object. Throws a UserError otherwise, in which `what` names the source. */
export function parseJsonObject(bytes: Uint8Array, what: string): Record<string, unknown> {
  const text = decodeUtf8(bytes, what, ", expected a JSON object");
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

/** The object that a JSON text is; null if it is none, or no JSON. */
export function objectOf(text: string): Record<string, unknown> | null {
  try {
    checkNesting(text);
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}

/** The names in a folder, in no order; none if there is no such folder. Throws a UserError if it cannot be read. */
export async function namesIn(folder: string): Promise<string[]> {
  if (!await exists(folder)) return [];
  return await explained(
    `Cannot read ${folder}`,
    () => Array.fromAsync(fileSystem().readDir(folder), ({ name }) => name),
  );
}

/** The ordinary files in a folder, sorted by name, with sizes in bytes. Throws a UserError if it cannot be read. */
export async function filesIn(folder: string): Promise<{ name: string; size: number }[]> {
  return await explained(`Cannot read ${folder}`, async () => {
    const found: { name: string; size: number }[] = [];
    for await (const { name } of fileSystem().readDir(folder)) {
      const { isFile, size } = await fileSystem().stat(join(folder, name));
      if (isFile) found.push({ name, size });
    }
    return found.sort((a, b) => a.name < b.name ? -1 : 1);
  });
}

/** When one of the files was last written, in milliseconds since 1970; 0 if none of them is there. */
export async function lastWritten(paths: readonly string[]): Promise<number> {
  const times = paths.map((path) => fileSystem().stat(path).then(({ mtime }) => mtime?.getTime() ?? 0, () => 0));
  return Math.max(0, ...await Promise.all(times));
}

/** Whether two paths lead to the same place; false if one does not exist. */
export async function isSamePlace(a: string, b: string): Promise<boolean> {
  const [first, second] = await Promise.all([a, b].map((path) => fileSystem().realPath(path).catch(() => null)));
  return first !== null && first === second;
}

/** Renames a file or folder. Throws a UserError that begins with `action` if it cannot. */
export async function movePath(from: string, to: string, action = `Cannot write ${to}`): Promise<void> {
  await explained(action, () => fileSystem().rename(from, to));
}

/** Removes a file. Throws a UserError that begins with `action` if it cannot. */
export async function removeFile(path: string, action = `Cannot remove ${path}`): Promise<void> {
  await explained(action, () => fileSystem().remove(path));
}

/** Removes a file, or a folder with everything in it, if it exists. Throws a UserError that begins with `action`. */
export async function removePath(path: string, action = `Cannot remove ${path}`): Promise<void> {
  if (await exists(path)) await explained(action, () => fileSystem().remove(path, { recursive: true }));
}

/** A message in one line: V8 quotes the source that it cannot parse, with newlines and control characters. */
function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/\s+/g, " ").replace(/[\u0000-\u001f\u007f]/g, "?");
}
