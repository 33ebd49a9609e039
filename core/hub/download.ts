/** Downloads one file of the hub into the cache: resumes after a break, and checks size and hash. @module */
import { createHash, type Hash } from "node:crypto";
import { dirname } from "node:path";
import { UserError } from "../error.ts";
import { makeFolder, syncFolder, writeAll } from "../files/atomic.ts";
import { explainIoError } from "../files/io.ts";
import type { RepoCache } from "./hub_cache.ts";
import { type HubClient, STALLED } from "./hub_client.ts";
import { type About, describeNetworkError } from "./hub_errors.ts";

/** A file as the hub lists it. */
export interface RepoFile {
  /** Path within the repository, with `/`. */
  readonly path: string;
  /** Size in bytes. */
  readonly size: number;
  /** SHA-256 for a file in large file storage, else git's SHA-1 of the blob: 64 or 40 hexadecimal digits. */
  readonly hash: string;
}

/** What to download, and a callback. */
export interface DownloadOptions {
  file: RepoFile;
  /** The file's address on the hub. */
  url: string;
  cache: RepoCache;
  about: About;
  /** Called with the number of bytes as they come; a negative number takes back bytes that are thrown away. */
  onBytes: (count: number) => void;
}

/** The most broken connections in a row without LEAST_BYTES between them. */
const MAX_BREAKS = 5;
const READ_BYTES = 2 ** 20;
/** The bytes that must come within the client's `stallMs`, and between two breaks. */
const LEAST_BYTES = 4096;

/** The path of the part of a file that is already downloaded. */
export function partPath(cache: RepoCache, { hash }: RepoFile): string {
  return `${cache.blob(hash)}.incomplete`;
}

/**
 * Downloads a file's content into blobs/, and goes on from a part that is already there. Throws a UserError if it
 * fails, or if the content differs twice from what the hub listed.
 */
export async function downloadBlob(client: HubClient, options: DownloadOptions): Promise<void> {
  const { cache, file, about } = options;
  const part = partPath(cache, file);
  const target = cache.blob(file.hash);
  await makeFolder(dirname(target));
  try {
    for (let wrong = 0;; wrong++) {
      const hash = await downloadPart(client, options);
      if (hash === file.hash) break;
      await Deno.remove(part);
      options.onBytes(-file.size);
      if (wrong === 0) continue;
      const kind = file.hash.length === 64 ? "SHA-256" : "git hash";
      throw new UserError(
        `${about.action}: ${file.path} has the ${kind} ${hash}, expected ${file.hash}, twice; it is damaged on the way`,
      );
    }
    await Deno.rename(part, target);
  } catch (error) {
    throw explainIoError(error, `Cannot write ${target}`);
  }
  await syncFolder(dirname(target));
}

/** Downloads the rest of a file, and returns the hash of the whole. */
async function downloadPart(client: HubClient, options: DownloadOptions): Promise<string> {
  const { cache, file, url, about, onBytes } = options;
  using part = await Deno.open(partPath(cache, file), { read: true, write: true, create: true });
  let { hash, done } = await hashPart(part, file);
  onBytes(done);
  const restart = async (): Promise<void> => {
    onBytes(-done);
    await part.truncate(0);
    await part.seek(0, Deno.SeekMode.Start);
    [hash, done] = [newHash(file), 0];
  };
  // A server that ignores ranges may send less each time: only bytes beyond all that came before count.
  let most = done;
  for (let breaks = 0; done < file.size;) {
    const headers: HeadersInit = done > 0 ? { range: `bytes=${done}-` } : {};
    const response = await client.request(url, { about, init: { headers }, accept: [416], streams: true });
    const from = response.status === 206 ? rangeStart(response) : response.status === 416 ? NaN : 0;
    // The server may not support ranges, or may have another file there by now.
    if (from !== done) await restart();
    if (from !== done) {
      await response.body?.cancel();
      if (++breaks >= MAX_BREAKS) throw new UserError(`${about.action}: the server's ranges of ${file.path} are wrong`);
      continue;
    }
    let failure = new UserError(`${about.action}: the connection broke off after ${done} of ${file.size} bytes`);
    try {
      for await (const bytes of readBody(response, client)) {
        if (done + bytes.length > file.size) {
          const more = `${about.action}: ${file.path} is longer than the ${file.size} bytes that the hub lists`;
          await restart();
          throw new UserError(more);
        }
        await writeAll(part, bytes);
        hash.update(bytes);
        done += bytes.length;
        onBytes(bytes.length);
      }
    } catch (error) {
      client.signal.throwIfAborted();
      const known = describeNetworkError(error, about);
      if (known === null) throw error;
      failure = known;
    } finally {
      await response.body?.cancel().catch(() => {});
    }
    if (done === file.size) break;
    // A server that sends a few bytes each time would be asked for ever.
    const isProgress = done - most >= LEAST_BYTES;
    breaks = isProgress ? 1 : breaks + 1;
    if (isProgress) most = done;
    if (breaks >= MAX_BREAKS) throw failure;
    await client.wait(breaks, undefined, failure.message);
  }
  await part.sync();
  return hash.digest("hex");
}

/** Hashes the part that is already there. A part that is too long is thrown away. */
async function hashPart(part: Deno.FsFile, file: RepoFile): Promise<{ hash: Hash; done: number }> {
  if ((await part.stat()).size > file.size) await part.truncate(0);
  const hash = newHash(file);
  const buffer = new Uint8Array(READ_BYTES);
  let done = 0;
  for (let count; (count = await part.read(buffer)) !== null; done += count) hash.update(buffer.subarray(0, count));
  return { hash, done };
}

function newHash({ hash, size }: RepoFile): Hash {
  return hash.length === 64 ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`);
}

/** The first byte of a partial answer; NaN if it does not say. */
function rangeStart(response: Response): number {
  return Number(/^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1] ?? NaN);
}

/** Yields the bytes of a body. A connection that sends less than LEAST_BYTES in `stallMs` is an error. */
async function* readBody({ body }: Response, { stallMs, signal }: HubClient): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  const reader = body.getReader();
  let [deadline, came] = [performance.now() + stallMs, 0];
  try {
    for (;;) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const stalled = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(STALLED), Math.max(0, deadline - performance.now()));
      });
      const { value, done } = await Promise.race([reader.read(), stalled]).finally(() => clearTimeout(timer));
      if (done) return;
      signal.throwIfAborted();
      yield value;
      came += value.length;
      if (came >= LEAST_BYTES) [deadline, came] = [performance.now() + stallMs, 0];
    }
  } finally {
    reader.cancel().catch(() => {});
    reader.releaseLock();
  }
}
