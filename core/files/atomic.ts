/** Writes files that are whole or absent: written under another name, flushed to disk, then renamed. @module */
import { UserError } from "../error.ts";
import { fileSystem, type OpenFile } from "./file_system.ts";
import { explained, explainIoError } from "./io.ts";
import { dirname } from "./path.ts";

/** A flush to disk starts each time that so many more bytes are written, so that the one at the end has less to do. */
const FLUSH_BYTES = 16 * 2 ** 20;

/**
 * Writes `path` through `PATH.tmp` beside it, so that a reader sees the old file or the new one, never a part. The
 * temporary name is fixed, so that a file which a killed process left is overwritten; a path may have only one writer
 * at a time. Throws a UserError if it cannot be written.
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  await replaceFileAtomic(path, (write) => write(bytes));
}

/**
 * As `writeFileAtomic`, for content that `fill` streams into the temporary file. A piece that it passes to `write` may
 * still be on its way to the disk while `fill` makes the next one, so it must stay unchanged until the next `write`
 * returns.
 */
export async function replaceFileAtomic(
  path: string,
  fill: (write: (data: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    {
      using file = await fileSystem().open(temporary, { write: true, create: true, truncate: true });
      await stream(file, temporary, fill);
      await file.sync();
    }
    await fileSystem().rename(temporary, path);
  } catch (error) {
    await fileSystem().remove(temporary).catch(() => {});
    throw explainIoError(error, `Cannot write ${path}`);
  }
  await syncFolder(dirname(path));
}

/** Writes what `fill` passes on, each piece while it makes the next one. */
async function stream(file: OpenFile, path: string, fill: Parameters<typeof replaceFileAtomic>[1]): Promise<void> {
  let writing = Promise.resolve();
  let flushing: Promise<void> | null = null;
  let unflushed = 0;
  try {
    await fill(async (data) => {
      await writing;
      writing = writeAll(file, data);
      // A failure is thrown where `writing` is awaited; this keeps it from counting as unhandled until then.
      writing.catch(() => {});
      unflushed += data.length;
      if (flushing || unflushed < FLUSH_BYTES) return;
      unflushed = 0;
      flushing = flush(path).finally(() => flushing = null);
    });
    await writing;
  } finally {
    await Promise.allSettled([writing, flushing]);
  }
}

/** Flushes what is written by now. It uses its own handle, because calls on one handle wait for each other. */
async function flush(path: string): Promise<void> {
  try {
    using file = await fileSystem().open(path, { write: true });
    await file.syncData();
  } catch {
    // The sync at the end is what counts, and it reports this failure too.
  }
}

/** Makes a folder and those above it, if they are missing. Throws a UserError, in which `what` names the folder. */
export async function makeFolder(path: string, { what = "the folder" }: { what?: string } = {}): Promise<void> {
  await explained(`Cannot make ${what} ${path}`, async () => {
    try {
      await fileSystem().mkdir(path, { recursive: true });
    } catch (error) {
      // What cannot be looked at is told as it failed.
      const there = await fileSystem().stat(path).catch(() => null);
      if (there === null || there.isDirectory) throw error;
      throw new UserError(`Cannot make ${what} ${path}: it is a file, expected a folder or a new name`);
    }
  });
}

/** Writes all bytes of `data`; a single `write` may take only some of them. */
export async function writeAll(file: OpenFile, data: Uint8Array): Promise<void> {
  for (let done = 0; done < data.length;) done += await file.write(data.subarray(done));
}

/** Flushes a folder's entries to disk, if the platform can. Without it, a power cut may undo a rename. */
export async function syncFolder(path: string): Promise<void> {
  try {
    using folder = await fileSystem().open(path, { read: true });
    await folder.sync();
  } catch {
    // Windows cannot open folders; the files themselves are already flushed.
  }
}

/** A file that grows at its end. */
export interface AppendFile extends Disposable {
  /** Appends all of `data`. Throws a UserError if it cannot be written. */
  append(data: string | Uint8Array): Promise<void>;
  /** Flushes the file to disk. Throws a UserError if it cannot. */
  sync(): Promise<void>;
}

/** Opens a file to append to, and makes it if it is missing. Throws a UserError if it cannot be opened. */
export async function openAppend(path: string): Promise<AppendFile> {
  const action = `Cannot write ${path}`;
  const file = await explained(action, () => fileSystem().open(path, { append: true, create: true }));
  return {
    append: (data) =>
      explained(action, () => writeAll(file, typeof data === "string" ? new TextEncoder().encode(data) : data)),
    sync: () => explained(action, () => file.sync()),
    [Symbol.dispose]: () => file.close(),
  };
}
