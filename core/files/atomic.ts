/** Files that are whole or absent: written beside, flushed to disk, renamed. @module */
import { fileSystem, type OpenFile } from "./file_system.ts";
import { explained, explainIoError } from "./io.ts";
import { dirname } from "./path.ts";

/** The disk begins its work each time so much more is written, and not only at the end. */
const FLUSH_BYTES = 16 * 2 ** 20;

/**
 * Writes `path` through `PATH.tmp` beside it, so that a reader sees the old file or the new one, never a part. The name
 * is fixed so that what a killed process left is overwritten; one path has one writer at a time.
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  await replaceFileAtomic(path, (write) => write(bytes));
}

/**
 * As `writeFileAtomic`, for content that `fill` streams into the temporary file. What it gives to `write` may still be on
 * its way while it makes the next piece: it is to stay as it is until `write` of that one returns.
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

/** Writes what `fill` gives, each piece while it makes the next one. */
async function stream(file: OpenFile, path: string, fill: Parameters<typeof replaceFileAtomic>[1]): Promise<void> {
  let writing = Promise.resolve();
  let flushing: Promise<void> | null = null;
  let unflushed = 0;
  try {
    await fill(async (data) => {
      await writing;
      writing = writeAll(file, data);
      // Whoever awaits it is told.
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

/** Sends to the disk what is written by now, through a handle of its own: calls on one handle wait for each other. */
async function flush(path: string): Promise<void> {
  try {
    using file = await fileSystem().open(path, { write: true });
    await file.syncData();
  } catch {
    // The sync at the end counts, and is told of what failed here.
  }
}

/** Makes a folder and those above it, where they are not there. Throws a UserError where it cannot; `what` names it. */
export async function makeFolder(path: string, { what = "the folder" }: { what?: string } = {}): Promise<void> {
  await explained(`Cannot make ${what} ${path}`, () => fileSystem().mkdir(path, { recursive: true }));
}

/** Writes every byte of `data`; a single `write` may take only a part. */
export async function writeAll(file: OpenFile, data: Uint8Array): Promise<void> {
  for (let done = 0; done < data.length;) done += await file.write(data.subarray(done));
}

/** Flushes a folder's entries to disk where the platform can: without it a rename may be lost with the power. */
export async function syncFolder(path: string): Promise<void> {
  try {
    using folder = await fileSystem().open(path, { read: true });
    await folder.sync();
  } catch {
    // Windows opens no folders; the files themselves are flushed already.
  }
}

/** A file that grows at its end. */
export interface AppendFile extends Disposable {
  /** Appends all of `text`. Throws a UserError where it cannot be written. */
  append(text: string): Promise<void>;
  /** Flushes it to the disk. Throws a UserError. */
  sync(): Promise<void>;
}

/** Opens a file to append to, made where it is missing. Throws a UserError where it cannot be opened. */
export async function openAppend(path: string): Promise<AppendFile> {
  const action = `Cannot write ${path}`;
  const file = await explained(action, () => fileSystem().open(path, { append: true, create: true }));
  return {
    append: (text) => explained(action, () => writeAll(file, new TextEncoder().encode(text))),
    sync: () => explained(action, () => file.sync()),
    [Symbol.dispose]: () => file.close(),
  };
}
