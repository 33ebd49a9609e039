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

/** Lists a commit's files. Throws a UserError if the list does not end. */
export async function listRepoFiles(
  client: HubClient,
  { repo, commit }: { repo: RepoSpec; commit: string },
  about: About,
): Promise<RepoFile[]> {
  const { listFiles } = await import("@huggingface/hub");
  const files: RepoFile[] = [];
  const endless = (most: string): UserError =>
    new UserError(`${about.action}: ${client.settings.endpoint} lists more than ${most} of the repository`);
  const send = client.fetchFor(about);
  let [pages, seen] = [0, 0];
  const listed = listFiles({
    repo: { type: repo.type, name: repo.repo },
    revision: commit,
    recursive: true,
    hubUrl: client.settings.endpoint,
    fetch: (input, init) => {
      if (++pages > MAX_PAGES) throw endless(`${MAX_PAGES} pages`);
      return send(input, init);
    },
  });
  try {
    for await (const { type, path, size, oid, lfs } of listed) {
      if (++seen > MAX_FILES) throw endless(`${MAX_FILES.toLocaleString("en")} files`);
      // A path becomes a path below the cache; one that would lead out of it is left out.
      if (type !== "file" || !isSafePath(path)) continue;
      const hash = lfs?.oid ?? oid ?? "";
      if (/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(hash)) files.push({ path, size: lfs?.size ?? size, hash });
    }
  } catch (error) {
    notAHub(error, { client, about });
  }
  return files;
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
