/** Sends files to a repository as one commit; the repository is made if it is missing. @module */
import { pathToFileURL } from "node:url";
import { UserError } from "../error.ts";
import type { OnProgress } from "../progress.ts";
import { type ClientOptions, HubClient } from "./hub_client.ts";
import type { About } from "./hub_errors.ts";
import { type Environment, readHubSettings } from "./hub_settings.ts";
import { parseModelSpec, repoUrl } from "./hub_spec.ts";
import { fetchRepoInfo } from "./repository.ts";

/** A file to send. */
export interface PushFile {
  /** Its path in the repository. */
  path: string;
  /** Its size in bytes. */
  size: number;
  /** The path of a local file, or the text to send. */
  content: { file: string } | { text: string };
}

/** How files are sent, and where. */
export interface PushOptions extends ClientOptions {
  /** `org/name`. */
  repo: string;
  /** Whether a repository that has to be made is public. */
  isPublic: boolean;
  /** First line of the commit's message. */
  message: string;
  /** The branch (default `main`); it is made if it is missing. */
  revision?: string;
  /** Gets the progress of the upload. */
  onProgress?: OnProgress;
  /** Reads the environment (default: this process's). */
  env?: Environment;
}

/** What to send, and how. */
export interface PushFilesOptions extends PushOptions {
  /** The files, which the commit adds or replaces. */
  files: readonly PushFile[];
}

/** The result of a push. */
export interface Pushed {
  /** The repository's page. */
  url: string;
  /** The new commit. */
  commit: string;
}

/** Throws a UserError unless `repo` is a plain `org/name`. */
export function checkRepoName(repo: string): void {
  if (parseModelSpec(repo)?.repo === repo) return;
  throw new UserError(`Cannot push to ${JSON.stringify(repo)}: expected org/name, such as your-name/my-model`);
}

/** Sends files to a model repository as one commit. Throws a UserError if there is no token or the hub refuses. */
export async function pushFiles(options: PushFilesOptions): Promise<Pushed> {
  const { repo: name, files, isPublic, message, revision = "main", onProgress = () => {}, env } = options;
  checkRepoName(name);
  const repo = { type: "model", repo: name, revision } as const;
  const about: About = { action: `Cannot push to ${name}`, repo, writes: true };
  const settings = await readHubSettings(env);
  if (settings.offline) throw new UserError(`${about.action}: HF_HUB_OFFLINE is set`);
  if (settings.token() === null) {
    throw new UserError(
      `${about.action}: there is no token; set HF_TOKEN to one with write access (${settings.endpoint}/settings/tokens)`,
    );
  }
  const client = new HubClient(settings, options);
  await createRepository(client, { about, isPublic });
  if (revision !== "main") await createRevision(client, about);
  const { commitIter, HubApiError, InvalidApiResponseFormatError } = await import("@huggingface/hub");
  const sizes = new Map(files.map(({ path, size }) => [path, size]));
  try {
    const events = commitIter({
      repo: { type: "model", name },
      branch: revision,
      title: message,
      hubUrl: settings.endpoint,
      fetch: countingFetch(client.fetchFor(about)),
      // Files are uploaded plainly to the store, which the hub accepts too.
      useXet: false,
      abortSignal: client.signal,
      operations: files.map(({ path, content }) => ({
        operation: "addOrUpdate",
        path,
        content: "file" in content ? pathToFileURL(content.file) : new Blob([content.text]),
      })),
    });
    const progress = pushProgress(name, { sizes, onProgress });
    for (;;) {
      const { done, value } = await events.next();
      if (!done && value.event === "fileProgress") progress(value);
      if (done) return { url: repoUrl(settings.endpoint, repo), commit: value!.commit.oid };
    }
  } catch (error) {
    client.signal.throwIfAborted();
    if (error instanceof HubApiError || error instanceof InvalidApiResponseFormatError) {
      throw new UserError(`${about.action}: ${error.message.split("\n")[0]}`);
    }
    throw error;
  }
}

async function createRepository(
  client: HubClient,
  { about, isPublic }: { about: About; isPublic: boolean },
): Promise<void> {
  const { createRepo, HubApiError } = await import("@huggingface/hub");
  const { settings } = client;
  // 409: the repository exists already. 403: it may exist, and the token may write to it but not make others.
  const accept = [409, 403];
  try {
    await createRepo({
      repo: { type: "model", name: about.repo.repo },
      visibility: isPublic ? "public" : "private",
      hubUrl: settings.endpoint,
      // The client adds the token.
      accessToken: undefined as unknown as string,
      fetch: (input, init) => client.request(String(input), { about, accept, ...(init && { init }) }),
    });
  } catch (error) {
    if (!(error instanceof HubApiError)) throw error;
    if (error.statusCode === 409) return;
    const repo = { ...about.repo, revision: "main" };
    await fetchRepoInfo(client, repo, about).catch(() => {
      throw new UserError(
        `${about.action}: there is no such repository, and the token may not make one for "${repo.repo.split("/")[0]}"`,
      );
    });
  }
}

async function createRevision(client: HubClient, about: About): Promise<void> {
  const { createBranch, HubApiError } = await import("@huggingface/hub");
  const { repo } = about;
  await createBranch({
    repo: { type: "model", name: repo.repo },
    branch: repo.revision,
    hubUrl: client.settings.endpoint,
    fetch: (input, init) => client.request(String(input), { about, accept: [409], ...(init && { init }) }),
  }).catch((error) => {
    if (!(error instanceof HubApiError) || error.statusCode !== 409) throw error;
  });
}

/** What the library adds to a request, for a `fetch` that can report progress. */
interface ProgressHint {
  progressHint?: {
    part?: number;
    numParts?: number;
    progressCallback: (progress: number) => void;
  };
}

/** A `fetch` that tells the library how much of a large file is sent. */
function countingFetch(send: typeof fetch): typeof fetch {
  return (input, init) => {
    const hint = (init as ProgressHint | undefined)?.progressHint;
    const body = init?.body;
    if (!init || hint === undefined || !(body instanceof Blob)) return send(input, init);
    // Parts are sent in parallel, and each would report only its own progress.
    if (hint.numParts !== undefined) return send(input, init);
    return send(input, { ...init, body: new CountedBlob(body, hint.progressCallback) });
  };
}

/** A blob that reports how much of it was read. */
class CountedBlob extends Blob {
  readonly #blob: Blob;
  readonly #onShare: (share: number) => void;

  constructor(blob: Blob, onShare: (share: number) => void) {
    super();
    this.#blob = blob;
    this.#onShare = onShare;
  }

  override get size(): number {
    return this.#blob.size;
  }

  override stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    let sent = 0;
    const count = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform: (bytes, controller) => {
        sent += bytes.length;
        this.#onShare(sent / this.size);
        controller.enqueue(bytes);
      },
    });
    return this.#blob.stream().pipeThrough(count);
  }
}

/** Turns the library's events into progress of all large files; these are read twice, to hash and to upload them. */
function pushProgress(
  repo: string,
  { sizes, onProgress }: { sizes: ReadonlyMap<string, number>; onProgress: OnProgress },
): (event: { path: string; progress: number; state: "hashing" | "uploading" | "error" }) => void {
  const stages = { hashing: new Map<string, number>(), uploading: new Map<string, number>() };
  let last = "";
  return ({ path, progress, state }) => {
    if (state === "error") return;
    const shares = stages[state].set(path, progress);
    let [done, total] = [0, 0];
    for (const name of stages.hashing.keys()) {
      done += (shares.get(name) ?? 0) * sizes.get(name)!;
      total += sizes.get(name)!;
    }
    const now = `${state} ${done}`;
    if (total > 0 && now !== last) {
      onProgress({ stage: `${state === "hashing" ? "hash for" : "upload"} ${repo}`, done, total, unit: "bytes" });
    }
    last = now;
  };
}
