/**
 * The file system of this platform. In Deno it is Deno's own functions; a browser's page has none until it installs an
 * object with the same functions, for example over the Origin Private File System. @module
 */
import { UserError } from "../error.ts";

/** The functions of `Deno` through which this project reads and writes files. */
export type FileSystem = Pick<
  typeof Deno,
  "mkdir" | "open" | "readDir" | "readFile" | "realPath" | "remove" | "rename" | "stat"
>;

/** An opened file. */
export type OpenFile = Deno.FsFile;

// Read as a property, so that the module also loads on platforms without Deno.
const platform = globalThis as { Deno?: FileSystem & { errors: Record<string, new () => Error> } };

let system: FileSystem | null = platform.Deno ?? null;

/** The file system of this platform. Throws a UserError if it has none. */
export function fileSystem(): FileSystem {
  if (system === null) {
    throw new UserError(
      "Cannot use a path: this platform has no file system, expected the files' bytes (memoryFiles) or a file system",
    );
  }
  return system;
}

/**
 * Makes `files` the platform's file system from now on.
 *
 * @example
 * ```ts
 * import { folderFiles, useFileSystem } from "@dnpo/dnpo/engine";
 * import assert from "node:assert/strict";
 *
 * // A page of a browser gives an object of its own with these functions; here they are Deno's.
 * useFileSystem(Deno);
 * assert.ok(await (await folderFiles("examples/quickstart/model")).stat("config.json"));
 * ```
 */
export function useFileSystem(files: FileSystem): void {
  system = files;
}

/** Whether an error says that there is nothing at a path. */
export function isNotFound(error: unknown): boolean {
  return error instanceof Error && error.name === "NotFound";
}

/** How Deno ends the message of an error of the operating system: many have neither a class nor a code of their own. */
export const OS_ERROR: RegExp = /\(os error \d+\)/;

/** Whether an error comes from the file system or from a missing permission. */
export function isFileSystemError(error: Error): boolean {
  return OS_ERROR.test(error.message) || typeof (error as { code?: unknown }).code === "string" ||
    Object.values(platform.Deno?.errors ?? {}).some((kind) => error instanceof kind);
}
