/** The files of a model, wherever they lie: a folder of the file system, or bytes in memory. @module */
import { UserError } from "../error.ts";
import { fileSystem, isNotFound } from "./file_system.ts";
import { explained, explainIoError, parseJsonObject } from "./io.ts";
import { basename, dirname, join } from "./path.ts";
import { recoverFolder } from "./replace_folder.ts";

/** A part of a file, in bytes. */
export interface FileRange {
  start: number;
  length: number;
}

/** What is known of a file without reading it. */
export interface FileFacts {
  /** Bytes. */
  size: number;
  /** When it was last written, in milliseconds since 1970; null where that is not known. */
  modified: number | null;
}

/** Files by name, read in parts: nothing is held open between two reads. */
export interface ModelFiles {
  /** What messages call the place: the folder's path. */
  readonly name: string;
  /** What messages call a file. */
  pathOf(file: string): string;
  /** What is known of a file; null where there is none of that name. Throws a UserError where it cannot be looked at. */
  stat(file: string): Promise<FileFacts | null>;
  /** A file's bytes, all of them or a range. Throws a UserError where it is missing, or ends before the range does. */
  read(file: string, range?: FileRange): Promise<Uint8Array<ArrayBuffer>>;
}

/**
 * The files in the folder `dir`. Puts the folder back where a process was killed between the two renames of a save.
 * Throws a UserError where that fails, or where the platform has no file system.
 *
 * @example
 * ```ts
 * import { folderFiles } from "@dnpo/dnpo/engine";
 * import assert from "node:assert/strict";
 *
 * const files = await folderFiles("examples/quickstart/model");
 * assert.ok((await files.stat("config.json"))!.size > 0);
 * ```
 */
export async function folderFiles(dir: string): Promise<ModelFiles> {
  await recoverFolder(dir);
  return filesIn(dir);
}

/** The file at `path` alone, as a place that it lies in, and its name there. */
export function oneFile(path: string): { files: ModelFiles; file: string } {
  return { files: filesIn(dirname(path)), file: basename(path) };
}

function filesIn(dir: string): ModelFiles {
  const pathOf = (file: string): string => join(dir, file);
  return {
    name: dir,
    pathOf,
    async stat(file) {
      const path = pathOf(file);
      try {
        const info = await fileSystem().stat(path);
        if (info.isFile) return { size: info.size, modified: info.mtime?.getTime() ?? null };
      } catch (error) {
        if (isNotFound(error)) return null;
        throw explainIoError(error, `Cannot read ${path}`);
      }
      throw new UserError(`Cannot read ${path}: it is not a file, expected one`);
    },
    async read(file, range) {
      const path = pathOf(file);
      return await explained(`Cannot read ${path}`, async () => {
        if (range === undefined) return await fileSystem().readFile(path);
        using opened = await fileSystem().open(path);
        // 0: from the file's start.
        await opened.seek(range.start, 0);
        const bytes = new Uint8Array(range.length);
        for (let done = 0; done < range.length;) {
          const count = await opened.read(bytes.subarray(done));
          if (count === null) throw endedEarly(path, { ...range, there: done });
          done += count;
        }
        return bytes;
      });
    },
  };
}

/**
 * Files in memory, by name: bytes, text, or a browser's Blob (of which only what is asked for is read).
 *
 * @example
 * ```ts
 * import { memoryFiles } from "@dnpo/dnpo/engine";
 * import assert from "node:assert/strict";
 *
 * const files = memoryFiles({ "config.json": '{"model_type": "llama"}' });
 * assert.equal((await files.stat("config.json"))?.size, 23);
 * assert.equal(await files.stat("tokenizer.json"), null);
 * ```
 */
export function memoryFiles(
  contents: Readonly<Record<string, string | Uint8Array<ArrayBuffer> | Blob>>,
  { name = "memory" }: { name?: string } = {},
): ModelFiles {
  const blobs = new Map(
    Object.entries(contents).map(([file, content]) => [file, content instanceof Blob ? content : new Blob([content])]),
  );
  const pathOf = (file: string): string => `${name}/${file}`;
  return {
    name,
    pathOf,
    stat(file) {
      const blob = blobs.get(file);
      return Promise.resolve(blob === undefined ? null : { size: blob.size, modified: null });
    },
    async read(file, range) {
      const blob = blobs.get(file);
      if (blob === undefined) throw new UserError(`Cannot read ${pathOf(file)}: there is no such file`);
      if (range === undefined) return new Uint8Array(await blob.arrayBuffer());
      const { start, length } = range;
      if (start + length > blob.size) {
        throw endedEarly(pathOf(file), { ...range, there: Math.max(0, blob.size - start) });
      }
      return new Uint8Array(await blob.slice(start, start + length).arrayBuffer());
    },
  };
}

function endedEarly(path: string, { length, there }: FileRange & { there: number }): UserError {
  return new UserError(`Cannot read ${path}: it ended after ${there} bytes, expected ${length}`);
}

/** Far above any real file of settings: a larger one is refused unread. */
const MAX_JSON_BYTES = 16 * 2 ** 20;

/** Reads a UTF-8 JSON file that holds an object; null where there is none. Throws a UserError naming it. */
export async function readOptionalJson(files: ModelFiles, file: string): Promise<Record<string, unknown> | null> {
  const facts = await files.stat(file);
  if (facts === null) return null;
  const path = files.pathOf(file);
  if (facts.size > MAX_JSON_BYTES) {
    throw new UserError(`Cannot read ${path}: it has ${facts.size} bytes, expected at most ${MAX_JSON_BYTES}`);
  }
  return parseJsonObject(await files.read(file), path);
}

/** As {@linkcode readOptionalJson}, where the file must be there. */
export async function readJson(files: ModelFiles, file: string): Promise<Record<string, unknown>> {
  const json = await readOptionalJson(files, file);
  if (json === null) throw new UserError(`Cannot read ${files.pathOf(file)}: there is no such file`);
  return json;
}

/** The files of a folder given by its path, or those given. */
export async function modelFilesOf(source: string | ModelFiles): Promise<ModelFiles> {
  return typeof source === "string" ? await folderFiles(source) : source;
}
