/** Files that are whole or absent: written beside, flushed to disk, renamed. @module */
import { dirname } from "node:path";
import { explainIoError } from "./io.ts";

/**
 * Writes `path` through `PATH.tmp` beside it, so that a reader sees the old file or the new one, never a part. The name
 * is fixed so that what a killed process left is overwritten; one path has one writer at a time.
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  await replaceFileAtomic(path, (file) => writeAll(file, bytes));
}

/** As `writeFileAtomic`, for content that `write` streams into the open temporary file. */
export async function replaceFileAtomic(path: string, write: (file: Deno.FsFile) => Promise<void>): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    {
      using file = await Deno.open(temporary, { write: true, create: true, truncate: true });
      await write(file);
      await file.sync();
    }
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw explainIoError(error, `Cannot write ${path}`);
  }
  await syncFolder(dirname(path));
}

/** Makes a folder and those above it, where they are not there. Throws a UserError where it cannot; `what` names it. */
export async function makeFolder(path: string, { what = "the folder" }: { what?: string } = {}): Promise<void> {
  await Deno.mkdir(path, { recursive: true }).catch((error) => {
    throw explainIoError(error, `Cannot make ${what} ${path}`);
  });
}

/** Writes every byte of `data`; a single `write` may take only a part. */
export async function writeAll(file: Deno.FsFile, data: Uint8Array): Promise<void> {
  for (let done = 0; done < data.length;) done += await file.write(data.subarray(done));
}

/** Flushes a folder's entries to disk where the platform can: without it a rename may be lost with the power. */
export async function syncFolder(path: string): Promise<void> {
  try {
    using folder = await Deno.open(path, { read: true });
    await folder.sync();
  } catch {
    // Windows opens no folders; the files themselves are flushed already.
  }
}
