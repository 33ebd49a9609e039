/** Brings a commit's files into the cache; the missing ones are downloaded in parallel. @module */
import type { OnProgress } from "../progress.ts";
import { downloadBlob, partPath, type RepoFile } from "./download.ts";
import { RepoCache } from "./hub_cache.ts";
import type { HubClient } from "./hub_client.ts";
import type { About } from "./hub_errors.ts";
import type { RepoSpec } from "./hub_spec.ts";
import { fileUrl } from "./repository.ts";

/** The files to bring into the cache, and a callback. */
export interface SnapshotOptions {
  repo: RepoSpec;
  commit: string;
  files: readonly RepoFile[];
  about: About;
  onProgress?: OnProgress;
}

/** Files at a time: a large file fills the line alone, but small ones mostly wait for answers. */
const PARALLEL = 4;

/** Whether the cache has all of these files with the right sizes. */
export async function hasFiles(
  cache: RepoCache,
  { commit, files }: { commit: string; files: readonly RepoFile[] },
): Promise<boolean> {
  for (const { path, size } of files) if (await cache.sizeOf(commit, path) !== size) return false;
  return true;
}

/** Downloads the files that the cache lacks, and returns their folder. Throws a UserError if it cannot. */
export async function fetchFiles(client: HubClient, options: SnapshotOptions): Promise<string> {
  const { repo, commit, files, onProgress = () => {} } = options;
  const cache = new RepoCache(client.settings.cache, repo);
  const missing: RepoFile[] = [];
  for (const file of files) if (await cache.sizeOf(commit, file.path) !== file.size) missing.push(file);
  // Files with the same content are one blob.
  const blobs = [...Map.groupBy(missing, ({ hash }) => hash).values()];
  const firsts = blobs.map(([first]) => first!);
  const progress = await startProgress(cache, { missing: firsts, stage: `download ${repo.repo}`, onProgress });
  // The first failure stops the others; the parts that they have stay for the next time.
  const failed = new AbortController();
  const worker = client.withSignal(AbortSignal.any([client.signal, failed.signal]));
  const work = async (): Promise<void> => {
    for (let same; (same = blobs.shift()) !== undefined;) {
      await fetchBlob(worker, { ...options, cache, same, onBytes: progress(same[0]!) });
    }
  };
  const workers = Array.from({ length: Math.min(PARALLEL, blobs.length) }, () => work());
  await Promise.allSettled(workers.map((done) => done.catch((error) => failed.abort(error))));
  client.signal.throwIfAborted();
  // The reason is the first failure: aborting again changes nothing.
  failed.signal.throwIfAborted();
  return cache.snapshot(commit);
}

/** Downloads the content that the files `same` share, unless it is there by now, and links each of them to it. */
async function fetchBlob(
  client: HubClient,
  { repo, commit, about, cache, same, onBytes }: SnapshotOptions & {
    cache: RepoCache;
    same: readonly RepoFile[];
    onBytes: (count: number) => void;
  },
): Promise<void> {
  const file = same[0]!;
  using _lock = await cache.lock(file.hash, {
    signal: client.signal,
    onWait: () => client.onNote(`Waiting for another process that downloads ${file.path} of ${repo.repo}`),
  });
  const there = await Deno.stat(cache.blob(file.hash)).catch(() => null);
  const isNew = there?.size !== file.size;
  if (isNew) {
    const url = fileUrl(client, { repo, commit, path: file.path });
    await downloadBlob(client, { file, url, cache, about: { ...about, path: file.path }, onBytes });
  } else onBytes(file.size);
  for (const [i, { path }] of same.entries()) {
    await cache.link(file.hash, { commit, path, isNew: isNew && i === same.length - 1 });
  }
}

/**
 * Makes one progress report for all files. The bytes that earlier attempts left count from the beginning, so that the
 * speed that is shown is this process's own.
 */
async function startProgress(
  cache: RepoCache,
  { missing, stage, onProgress }: { missing: readonly RepoFile[]; stage: string; onProgress: OnProgress },
): Promise<(file: RepoFile) => (count: number) => void> {
  const total = missing.reduce((sum, { size }) => sum + size, 0);
  const counts = new Map<RepoFile, { before: number; now: number }>();
  for (const file of missing) {
    const size = (await Deno.stat(partPath(cache, file)).catch(() => null))?.size ?? 0;
    counts.set(file, { before: size <= file.size ? size : 0, now: 0 });
  }
  const report = (): void => {
    let done = 0;
    for (const { before, now } of counts.values()) done += Math.max(before, now);
    onProgress({ stage, done: Math.min(done, total), total, unit: "bytes" });
  };
  if (total > 0) report();
  return (file) => (count) => {
    const entry = counts.get(file)!;
    entry.now += count;
    // Bytes were thrown away, so the earlier part does not count any more.
    if (count < 0) entry.before = 0;
    if (total > 0) report();
  };
}
