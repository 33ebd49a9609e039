/** Asks the hub about a repository: the commit of a revision, and that commit's files. @module */
import { UserError } from "../error.ts";
import type { RepoFile } from "./download.ts";
import { isCommit } from "./hub_cache.ts";
import type { HubClient } from "./hub_client.ts";
import type { About } from "./hub_errors.ts";
import { type RepoSpec, repoUrl } from "./hub_spec.ts";

/** What the hub says of a revision. */
export interface RepoInfo {
  /** The commit: forty hexadecimal digits. */
  commit: string;
  /** The license that the repository's card names; null if it names none. */
  license: string | null;
}

/** Asks which commit a revision is. Throws a UserError if there is none, or if it may not be seen. */
export async function fetchRepoInfo(client: HubClient, repo: RepoSpec, about: About): Promise<RepoInfo> {
  const { modelInfo, datasetInfo } = await import("@huggingface/hub");
  const request = {
    name: repo.repo,
    revision: repo.revision,
    hubUrl: client.settings.endpoint,
    fetch: client.fetchFor(about),
  };
  const info = repo.type === "model"
    ? modelInfo({ ...request, additionalFields: ["sha", "cardData"] })
    : datasetInfo({ ...request, additionalFields: ["sha", "cardData"] });
  const { sha, cardData } = await info.catch((error) => notAHub(error, { client, about }));
  if (typeof sha !== "string" || !isCommit(sha)) {
    throw new UserError(`${about.action}: ${client.settings.endpoint} names no commit of revision "${repo.revision}"`);
  }
  const license = (cardData as { license?: unknown } | undefined)?.license;
  const first = Array.isArray(license) ? license[0] : license;
  return { commit: sha, license: typeof first === "string" ? first : null };
}

/** The most files of a repository, and pages of their list, far above any that holds a model or a data set. */
const MAX_FILES = 200_000;
const MAX_PAGES = 1000;
/** How many times `stallMs` a listing may take. */
const LISTING_STALLS = 20;

/** A file of a listing, and what is wrong with its entry, so that it cannot be downloaded. */
export interface ListedFile extends RepoFile {
  problem?: string;
}

/** Lists a commit's files. Throws a UserError if the list does not end, or not within `LISTING_STALLS` waits. */
export async function listRepoFiles(
  client: HubClient,
  { repo, commit }: { repo: RepoSpec; commit: string },
  about: About,
): Promise<ListedFile[]> {
  const { listFiles } = await import("@huggingface/hub");
  const files = new Map<string, ListedFile>();
  const endless = (most: string): UserError =>
    new UserError(`${about.action}: ${client.settings.endpoint} lists more than ${most} of the repository`);
  const send = client.fetchFor(about);
  const addresses = new Set<string>();
  const end = performance.now() + LISTING_STALLS * client.stallMs;
  let seen = 0;
  const listed = listFiles({
    repo: { type: repo.type, name: repo.repo },
    revision: commit,
    recursive: true,
    hubUrl: client.settings.endpoint,
    fetch: async (input, init) => {
      const address = String(input);
      if (addresses.size === MAX_PAGES) throw endless(`${MAX_PAGES} pages`);
      if (addresses.has(address)) throw endless("once the same page");
      addresses.add(address);
      if (performance.now() > end) throw endless(`comes within ${LISTING_STALLS * client.stallMs / 1000} s`);
      const page = await send(input, init);
      const link = page.headers.get("link") ?? "";
      // The package takes any other form for the end of the list.
      if (/\bnext\b/.test(link) && !/<https?:\/\/[^>]+>;\s+rel="next"/.test(link)) {
        throw new UserError(`${about.action}: ${client.settings.endpoint} names no address of the list's next page`);
      }
      return page;
    },
  });
  try {
    for await (const { type, path, size, oid, lfs } of listed) {
      if (++seen > MAX_FILES) throw endless(`${MAX_FILES.toLocaleString("en")} files`);
      if (type !== "file") continue;
      const file = { path, size: lfs?.size ?? size, hash: lfs?.oid ?? oid ?? "" };
      const before = files.get(path);
      const isOther = before !== undefined && (before.size !== file.size || before.hash !== file.hash);
      const problem = isOther ? "twice, with different content" : problemOf(file);
      files.set(path, problem === null ? file : { ...file, problem });
    }
  } catch (error) {
    notAHub(error, { client, about });
  }
  return [...files.values()];
}

/** What keeps a file from being downloaded, as a message about its entry goes on; null if nothing does. */
function problemOf({ path, size, hash }: RepoFile): string | null {
  // A path becomes a path below the cache, on any system.
  if (!isSafePath(path)) return "by a path that is not taken";
  if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(hash)) return "without a hash";
  return Number.isSafeInteger(size) && size >= 0 ? null : `with the size ${size}`;
}

/** Throws a UserError if the answer was not a hub's, but for example a network's login page; else rethrows `error`. */
function notAHub(error: unknown, { client, about }: { client: HubClient; about: About }): never {
  if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
  throw new UserError(`${about.action}: ${client.settings.endpoint} does not answer as a hub does; check HF_ENDPOINT`);
}

/** The address of a commit's file. */
export function fileUrl(
  { settings }: HubClient,
  { repo, commit, path }: { repo: RepoSpec; commit: string; path: string },
): string {
  return `${repoUrl(settings.endpoint, repo)}/resolve/${commit}/${path.split("/").map(encodeURIComponent).join("/")}`;
}

function isSafePath(path: string): boolean {
  // deno-lint-ignore no-control-regex
  return path.split("/").every((part) => part !== "" && part !== "." && part !== ".." && !/[\\:\x00-\x1f]/.test(part));
}
