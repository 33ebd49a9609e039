/**
 * The file system of this platform. Deno's own functions are one; a page of a browser has none until it installs one
 * with the same functions (over the Origin Private File System, say). @module
 */
import { UserError } from "../error.ts";

/** The functions of `Deno` that this project's files go through. */
export type FileSystem = Pick<
  typeof Deno,
  "mkdir" | "open" | "readDir" | "readFile" | "realPath" | "remove" | "rename" | "stat"
>;

/** An opened file. */
export type OpenFile = Deno.FsFile;

// Asked for as a property, so that the module loads where there is no Deno.
const platform = globalThis as { Deno?: FileSystem & { errors: Record<string, new () => Error> } };

let system: FileSystem | null = platform.Deno ?? null;

/** The file system at hand. Throws a UserError where the platform has none. */
export function fileSystem(): FileSystem {
  if (system === null) {
    throw new UserError(
      "Cannot use a path: this platform has no file system, expected the files' bytes (memoryFiles) or a file system",
    );
  }
  return system;
}

/**
 * Takes `files` for the platform's file system from here on.
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

/** Whether an error comes from the file system, or from a permission that is missing. */
export function isFileSystemError(error: Error): boolean {
  return typeof (error as { code?: unknown }).code === "string" ||
    Object.values(platform.Deno?.errors ?? {}).some((kind) => error instanceof kind);
}
