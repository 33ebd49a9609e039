/** The cache, shared with Python's huggingface_hub: blobs by hash, snapshots by commit, refs by branch. @module */
import { dirname, join, relative } from "node:path";
import { setTimeout } from "node:timers/promises";
import { makeFolder, writeFileAtomic } from "../files/atomic.ts";
import { explainIoError } from "../files/io.ts";
import type { RepoSpec } from "./hub_spec.ts";

const COMMIT = /^[0-9a-f]{40}$/;
const LOCK_POLL_MS = 200;

/** Whether a revision is a commit, which never moves. */
export function isCommit(revision: string): boolean {
  return COMMIT.test(revision);
}

/** One repository's folder in the cache. */
export class RepoCache {
  /** `CACHE/models--org--name`. */
  readonly folder: string;
  readonly #locks: string;

  constructor(cache: string, { type, repo }: Pick<RepoSpec, "type" | "repo">) {
    const name = `${type}s--${repo.replace("/", "--")}`;
    this.folder = join(cache, name);
    this.#locks = join(cache, ".locks", name);
  }

  /** The folder of a commit's files. */
  snapshot(commit: string): string {
    return join(this.folder, "snapshots", commit);
  }

  /** The path of the content with this hash. */
  blob(hash: string): string {
    return join(this.folder, "blobs", hash);
  }

  /** The commit that a branch or tag had when it was last looked up; null if it never was. */
  async readRef(revision: string): Promise<string | null> {
    if (isCommit(revision)) return revision;
    const text = await Deno.readTextFile(join(this.folder, "refs", revision)).catch(() => "");
    return isCommit(text.trim()) ? text.trim() : null;
  }

  /** Records which commit a branch or tag has. */
  async writeRef(revision: string, commit: string): Promise<void> {
    if (isCommit(revision) || await this.readRef(revision) === commit) return;
    const path = join(this.folder, "refs", revision);
    await makeFolder(dirname(path));
    await writeFileAtomic(path, commit);
  }

  /** The size in bytes of a commit's file; null if it is not there. */
  async sizeOf(commit: string, path: string): Promise<number | null> {
    const info = await Deno.stat(join(this.snapshot(commit), path)).catch(() => null);
    return info?.isFile ? info.size : null;
  }

  /** The paths of a commit's files. */
  async listSnapshot(commit: string): Promise<string[]> {
    const paths: string[] = [];
    const walk = async (below: string): Promise<void> => {
      for await (const entry of Deno.readDir(join(this.snapshot(commit), below))) {
        const path = below === "" ? entry.name : `${below}/${entry.name}`;
        if (entry.isDirectory) await walk(path);
        else if (await this.sizeOf(commit, path) !== null) paths.push(path);
      }
    };
    await walk("").catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw explainIoError(error, `Cannot read ${this.folder}`);
    });
    return paths.sort();
  }

  /**
   * Makes the blob a file of the commit, by a relative link. If links are not allowed, the blob itself is moved there
   * (if `isNew`, as nothing else uses it yet), or else copied.
   */
  async link(hash: string, { commit, path, isNew }: { commit: string; path: string; isNew: boolean }): Promise<void> {
    const blob = this.blob(hash);
    const pointer = join(this.snapshot(commit), path);
    await makeFolder(dirname(pointer));
    await Deno.remove(pointer).catch(() => {});
    try {
      await Deno.symlink(relative(dirname(pointer), blob), pointer, { type: "file" });
    } catch {
      const place = isNew ? Deno.rename(blob, pointer) : Deno.copyFile(blob, pointer);
      await place.catch((error) => {
        throw explainIoError(error, `Cannot write ${pointer}`);
      });
    }
  }

  /** Locks a blob against other processes, also Python's, until disposed. `onWait` is called once if it has to wait. */
  async lock(hash: string, { signal, onWait }: { signal: AbortSignal; onWait: () => void }): Promise<Disposable> {
    await makeFolder(this.#locks);
    const path = join(this.#locks, `${hash}.lock`);
    const file = await Deno.open(path, { read: true, write: true, create: true }).catch((error) => {
      throw explainIoError(error, `Cannot write ${path}`);
    });
    try {
      for (let waited = false; !await file.tryLock(true); waited = true) {
        if (!waited) onWait();
        await setTimeout(LOCK_POLL_MS, undefined, { signal }).catch(() => {});
        signal.throwIfAborted();
      }
    } catch (error) {
      file.close();
      throw error;
    }
    return { [Symbol.dispose]: () => file.close() };
  }
}
