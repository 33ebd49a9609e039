/** Names of models and data sets on the hub: `org/name[@revision]`, `org/name[:config][/split][@revision]`. @module */
import { UserError } from "../error.ts";
import { hasCredentials } from "../safe_text.ts";

/** A repository at a revision. */
export interface RepoSpec {
  readonly type: "model" | "dataset";
  /** `org/name`. */
  readonly repo: string;
  /** Branch, tag or commit; `main` if none is named. */
  readonly revision: string;
}

/** A part of a data set. */
export interface DatasetSpec extends RepoSpec {
  readonly type: "dataset";
  /** The configuration's name; null if none is named. */
  readonly config: string | null;
  /** The split's name; null if none is named. */
  readonly split: string | null;
}

const NAME = "[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?";
const REVISION = "[A-Za-z0-9_][A-Za-z0-9_./+-]*";
const MODEL = new RegExp(`^(${NAME}/${NAME})(?:@(${REVISION}))?$`);
const DATASET = new RegExp(`^(${NAME}/${NAME})(?::([^/:@]+))?(?:/([A-Za-z0-9_.]+))?(?:@(${REVISION}))?$`);

/** Endings that files have, but no repositories. */
const FILE = /\.(jsonl?|ndjson|csv|tsv|parquet|txt|ya?ml|gz|zst|safetensors|git)$/i;

/** Parses `org/name[@revision]`; null if the text is no such name, so that it can only be a path. */
export function parseModelSpec(text: string): RepoSpec | null {
  const [, repo, revision = "main"] = MODEL.exec(text) ?? [];
  return repo !== undefined && isRepo(repo) && isRevision(revision) ? { type: "model", repo, revision } : null;
}

/** Parses `org/name[:config][/split][@revision]`; null if the text is no such name, so that it can only be a path. */
export function parseDatasetSpec(text: string): DatasetSpec | null {
  const [, repo, config = null, split = null, revision = "main"] = DATASET.exec(text) ?? [];
  if (repo === undefined || !isRepo(repo) || !isRevision(revision)) return null;
  if (split !== null && FILE.test(split)) return null;
  return { type: "dataset", repo, config, split, revision };
}

/** Throws a UserError for an address with a user name or password, which would else be written and shown. */
export function refuseCredentials(name: string): void {
  if (!hasCredentials(name)) return;
  throw new UserError("Cannot use an address with a user name or password as a name, expected a path or org/name");
}

/** `org/name`, with `@revision` if that is not the default. */
export function specName({ repo, revision }: RepoSpec): string {
  return revision === "main" ? repo : `${repo}@${revision}`;
}

/** The address of the repository's page. */
export function repoUrl(endpoint: string, { type, repo }: Pick<RepoSpec, "type" | "repo">): string {
  return `${endpoint}/${type === "dataset" ? "datasets/" : ""}${repo}`;
}

/** Whether the hub allows a repository of this name. */
function isRepo(repo: string): boolean {
  return !/--|\.\./.test(repo) && !FILE.test(repo);
}

/** Whether a revision is safe as the path of a file below refs/, which it becomes. */
function isRevision(revision: string): boolean {
  return !revision.split("/").some((part) => part === "" || part.startsWith("."));
}
