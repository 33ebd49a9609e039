/** The files of a model, in a folder of the file system or as bytes in memory. @module */
import { UserError } from "../error.ts";
import { fileSystem, isNotFound } from "./file_system.ts";
import { decodeUtf8, explained, explainIoError, namesIn, parseJsonObject, readWhole } from "./io.ts";
import { basename, dirname, join } from "./path.ts";
import { recoverFolder } from "./replace_folder.ts";

/** A part of a file, in bytes. */
export interface FileRange {
  /** First byte. */
  start: number;
  /** Number of bytes. */
  length: number;
  /** Memory that the bytes may be put into, if it suffices; files may do without it. What is read is what they return. */
  into?: Uint8Array<ArrayBuffer> | undefined;
}

/** What is known of a file without reading it. */
export interface FileFacts {
  /** The size in bytes. */
  size: number;
  /** When the file was last written or renamed, in milliseconds since 1970; null if that is not known. */
  modified: number | null;
}

/** Files that are read by name, whole or in parts. Nothing is held open between two reads. */
export interface ModelFiles {
  /** The name of the whole in messages, such as the folder's path. */
  readonly name: string;
  /** The adapter's own files, if an adapter is added to a model that these are the files of. */
  readonly adapter?: ModelFiles;
  /** The name of the GGUF file among these that holds the weights, if there is one; the others are made from it. */
  readonly gguf?: string;
  /** The name of a file in messages, such as its path. */
  pathOf(file: string): string;
  /** The facts of a file; null if there is none of that name. Throws a UserError if they cannot be read. */
  stat(file: string): Promise<FileFacts | null>;
  /** The names in a folder among the files; none if there is no such folder. If absent, the files have no folders. */
  namesIn?(folder: string): Promise<string[]>;
  /** Reads a file, or a range of it. Throws a UserError if it is missing, or ends before the range does. */
  read(file: string, range?: FileRange): Promise<Uint8Array<ArrayBuffer>>;
}

/**
 * The files in the folder `dir`. If a process was killed between the two renames of a save, the folder is first put
 * back. Throws a UserError if that fails, or if the platform has no file system.
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

/** The files of the folder in which `path` is, and the name of `path` there. */
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
        if (info.isFile) return { size: info.size, modified: lastTime(info) };
      } catch (error) {
        if (isNotFound(error)) return null;
        throw explainIoError(error, `Cannot read ${path}`);
      }
      throw new UserError(`Cannot read ${path}: it is not a file, expected one`);
    },
    namesIn: (folder) => namesIn(pathOf(folder)),
    async read(file, range) {
      const path = pathOf(file);
      return await explained(`Cannot read ${path}`, async () => {
        if (range === undefined) return await readWhole(path);
        using opened = await fileSystem().open(path);
        // 0 means from the file's start.
        await opened.seek(range.start, 0);
        const { length, into } = range;
        const bytes = into && into.length >= length ? into.subarray(0, length) : new Uint8Array(length);
        for (let done = 0; done < length;) {
          const count = await opened.read(bytes.subarray(done));
          if (count === null) throw endedEarly(path, { ...range, there: done });
          done += count;
        }
        return bytes;
      });
    },
  };
}

/** The time of modification, or of a later change: tools that keep the former when they copy cannot set the latter. */
function lastTime({ mtime, ctime }: Deno.FileInfo): number | null {
  const times = [mtime, ctime ?? null].flatMap((time) => time === null ? [] : [time.getTime()]);
  return times.length === 0 ? null : Math.max(...times);
}

/**
 * Files in memory, by name: bytes, text, or a browser's Blob, of which only the ranges that are asked for are read.
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
    namesIn(folder) {
      const inside = [...blobs.keys()].filter((file) => file.startsWith(`${folder}/`));
      return Promise.resolve([...new Set(inside.map((file) => file.slice(folder.length + 1).split("/")[0]!))]);
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

/** Far above any real file of settings; larger files are refused unread. */
const MAX_JSON_BYTES = 16 * 2 ** 20;

/**
 * Reads a UTF-8 JSON file that holds an object; null if there is no such file. Throws a UserError naming it. A file
 * above `maxBytes` (default 16 MiB) is refused unread.
 */
export async function readOptionalJson(
  files: ModelFiles,
  file: string,
  { maxBytes = MAX_JSON_BYTES }: { maxBytes?: number } = {},
): Promise<Record<string, unknown> | null> {
  const bytes = await readBounded(files, file, maxBytes);
  return bytes === null ? null : parseJsonObject(bytes, files.pathOf(file));
}

/** Reads a UTF-8 text file of at most `maxBytes`; null if there is no such file. Throws a UserError naming it. */
export async function readOptionalModelText(
  files: ModelFiles,
  file: string,
  { maxBytes }: { maxBytes: number },
): Promise<string | null> {
  const bytes = await readBounded(files, file, maxBytes);
  return bytes === null ? null : decodeUtf8(bytes, files.pathOf(file));
}

async function readBounded(files: ModelFiles, file: string, maxBytes: number): Promise<Uint8Array | null> {
  const facts = await files.stat(file);
  if (facts === null) return null;
  if (facts.size > maxBytes) {
    throw new UserError(`Cannot read ${files.pathOf(file)}: it has ${facts.size} bytes, expected at most ${maxBytes}`);
  }
  return await files.read(file);
}

/** As {@linkcode readOptionalJson}, but throws a UserError if there is no such file. */
export async function readJson(files: ModelFiles, file: string): Promise<Record<string, unknown>> {
  const json = await readOptionalJson(files, file);
  if (json === null) throw new UserError(`Cannot read ${files.pathOf(file)}: there is no such file`);
  return json;
}

/** Whether a path names a GGUF file. */
export function isGgufPath(path: string): boolean {
  return /\.gguf$/i.test(path);
}

/** The files of a folder if `source` is its path, or else `source` itself. */
export async function modelFilesOf(source: string | ModelFiles): Promise<ModelFiles> {
  return typeof source === "string" ? await folderFiles(source) : source;
}
