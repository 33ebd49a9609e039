/** Resolves names of models and data sets: local paths stay as they are, names on the hub become files. @module */
import { join } from "node:path";
import { parse } from "yaml";
import { counted } from "../counted.ts";
import { UserError } from "../error.ts";
import { exists, readJsonObject } from "../files/io.ts";
import { isGgufPath } from "../files/model_files.ts";
import { formatSize, type OnProgress } from "../progress.ts";
import { isRecord, quote } from "../values.ts";
import { chooseDataFiles } from "./dataset_files.ts";
import type { RepoFile } from "./download.ts";
import { RepoCache } from "./hub_cache.ts";
import { type ClientOptions, HubClient } from "./hub_client.ts";
import { type About, ConnectionError } from "./hub_errors.ts";
import { chooseModelFiles, WEIGHTS_INDEX } from "./hub_model_files.ts";
import { type Environment, readHubSettings } from "./hub_settings.ts";
import {
  type DatasetSpec,
  parseDatasetSpec,
  parseModelSpec,
  refuseCredentials,
  type RepoSpec,
  specName,
} from "./hub_spec.ts";
import { fetchRepoInfo, type ListedFile, listRepoFiles } from "./repository.ts";
import { fetchFiles, hasFiles } from "./snapshot.ts";

/** What a name on the hub stood for when it was first looked up: enough to get the same files again. */
export interface SourceRecord {
  /** The name as it was given. */
  source: string;
  /** What the repository holds. */
  type: "model" | "dataset";
  /** `org/name`. */
  repo: string;
  /** Branch, tag or commit that was asked for. */
  revision: string;
  /** The commit that the revision was. */
  commit: string;
  /** The splits to choose from if none was named; the same name may mean another split elsewhere in a run. */
  prefer?: readonly string[];
  /** The configuration of a data set. */
  config?: string;
  /** The split of a data set. */
  split?: string;
  /** The license that the repository's card names. */
  license?: string;
  /** Whether models are only asked it, and none is made of it. */
  is_benchmark?: true;
  /** The files that are used, each with its size in bytes and its SHA-256 or git hash. */
  files: RepoFile[];
}

/** What is known already, and callbacks. */
export interface ResolveOptions extends ClientOptions {
  /** Gets the progress of a download. */
  onProgress?: OnProgress;
  /** What was looked up before, for example by the run that now goes on. */
  known?: readonly SourceRecord[];
  /** Called with a name's record as soon as it is known, before anything large is downloaded. */
  onRecord?: (record: SourceRecord) => Promise<void> | void;
  /** Reads the environment (default: this process's). */
  env?: Environment;
}

/** The local files of a name. */
export interface Resolved {
  /** The folder of a model, or the files of a data set in order. */
  paths: string[];
  /** What the name stood for on the hub; null for a path. */
  record: SourceRecord | null;
}

/**
 * Resolves a model's name to its folder: `spec` itself if it is an existing path, a GGUF file's name or no
 * `org/name[@revision]`, else the folder in the hub's cache, to which missing files are downloaded. Throws a UserError
 * if that fails.
 *
 * @example
 * ```ts
 * import { resolveModel } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * // A path is itself; `org/name` would be downloaded into the hub's cache.
 * const { paths, record } = await resolveModel("examples/quickstart/model");
 * assert.deepEqual([paths, record], [["examples/quickstart/model"], null]);
 * ```
 */
export async function resolveModel(spec: string, options: ResolveOptions = {}): Promise<Resolved> {
  refuseCredentials(spec);
  const repo = isGgufPath(spec) || await exists(spec) ? null : parseModelSpec(spec);
  if (repo === null) return { paths: [spec], record: null };
  const { dir, record } = await resolveRepo(spec, { repo, options, choose: chooseModel });
  return { paths: [dir], record };
}

/**
 * As {@linkcode resolveModel}, for the files of a data set, `org/name[:config][/split][@revision]`. `prefer` lists the
 * splits to choose from if none is named (default `train`).
 *
 * @example
 * ```ts
 * import { resolveDataset } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * const { paths } = await resolveDataset("examples/quickstart/rows.jsonl");
 * assert.deepEqual(paths, ["examples/quickstart/rows.jsonl"]);
 * ```
 */
export async function resolveDataset(
  spec: string,
  { prefer = ["train"], ...options }: ResolveOptions & { prefer?: readonly string[] } = {},
): Promise<Resolved> {
  refuseCredentials(spec);
  const repo = await exists(spec) ? null : parseDatasetSpec(spec);
  if (repo === null) return { paths: [spec], record: null };
  const choose = (view: RepoView): Promise<Chosen> => chooseData(view, { repo, prefer });
  const isUsual = repo.split !== null || prefer.join() === "train";
  const { dir, record } = await resolveRepo(spec, { repo, options, choose, ...(!isUsual && { prefer }) });
  return { paths: record.files.map(({ path }) => join(dir, path)), record };
}

/** The repository's card. */
const CARD = "README.md";

/** A commit's files, on the hub or in the cache. */
interface RepoView {
  about: About;
  files: readonly ListedFile[];
  /** Downloads the files that are missing in the cache, and returns their folder. */
  fetch: (files: readonly RepoFile[]) => Promise<string>;
}

interface Chosen {
  files: RepoFile[];
  config?: string;
  split?: string;
}

interface ResolveRepo {
  repo: RepoSpec;
  options: ResolveOptions;
  choose: (view: RepoView) => Promise<Chosen>;
  prefer?: readonly string[];
}

/** Whether two records are of the same name with the same meaning. */
export function isSameSource(a: SourceKey, b: SourceKey): boolean {
  return a.source === b.source && a.type === b.type && a.prefer?.join() === b.prefer?.join();
}

type SourceKey = Pick<SourceRecord, "source" | "type" | "prefer">;

async function resolveRepo(
  source: string,
  { repo, options, choose, prefer }: ResolveRepo,
): Promise<{ dir: string; record: SourceRecord }> {
  const { known = [], onProgress, env, onNote = () => {}, onRecord = () => {} } = options;
  const settings = await readHubSettings(env);
  const cache = new RepoCache(settings.cache, repo);
  const key: SourceKey = { source, type: repo.type, ...(prefer && { prefer }) };
  const before = known.find((record) => isSameSource(record, key));
  if (before !== undefined && await hasFiles(cache, before)) {
    return { dir: cache.snapshot(before.commit), record: before };
  }
  // For everything that a run reads, the same revision is the same commit.
  const { type, repo: name, revision } = repo;
  const sibling = before ??
    known.find((record) => record.type === type && record.repo === name && record.revision === revision);
  const client = new HubClient(settings, options);
  const found = await findCommit(client, { repo, cache, commit: sibling?.commit ?? null });
  const { commit, where } = found;
  const license = found.license ?? sibling?.license ?? null;
  const about: About = {
    action: `Cannot use ${specName(repo)}${where === "cache" ? ` from the cache alone (${cache.folder})` : ""}`,
    repo: { ...repo, revision: commit },
  };
  const view: RepoView = where === "cache"
    ? { about, files: await listCached(cache, commit), fetch: () => Promise.resolve(cache.snapshot(commit)) }
    : {
      about,
      files: await listRepoFiles(client, { repo, commit }, about),
      fetch: (files) => fetchFiles(client, { repo, commit, files, about, ...(onProgress && { onProgress }) }),
    };
  const { files, ...part } = await choose(view);
  const record = { ...key, repo: name, revision, commit, ...part, ...(license !== null && { license }), files };
  await onRecord(record);
  const dir = await view.fetch(files);
  if (where === "hub") await cache.writeRef(revision, commit);
  onNote(`${source}: ${[`${revision} is ${commit.slice(0, 12)}`, ...describe(part, files)].join(", ")}`);
  return { dir, record };
}

function describe({ config, split }: Omit<Chosen, "files">, files: readonly RepoFile[]): string[] {
  const size = files.reduce((sum, file) => sum + file.size, 0);
  return [
    ...(config === undefined || config === "default" ? [] : [`configuration ${config}`]),
    ...(split === undefined ? [] : [`split ${split}`]),
    counted(files.length, "file"),
    formatSize(size),
  ];
}

/** The commit that is used, and its source: the run's record, the hub, or the cache if the hub is not asked. */
interface FoundCommit {
  commit: string;
  license: string | null;
  where: "record" | "hub" | "cache";
}

/** Finds a revision's commit: the known one, else the hub's answer, else, without a connection, the cache's. */
async function findCommit(
  client: HubClient,
  { repo, cache, commit }: { repo: RepoSpec; cache: RepoCache; commit: string | null },
): Promise<FoundCommit> {
  const { settings, onNote } = client;
  const inCache = commit ?? await cache.readRef(repo.revision);
  const isThere = inCache !== null && (await cache.listSnapshot(inCache)).length > 0;
  const about: About = { action: `Cannot use ${specName(repo)}`, repo };
  if (settings.offline) {
    if (isThere) return { commit: inCache, license: null, where: "cache" };
    throw new UserError(
      `${about.action}: there is no local path of this name, and HF_HUB_OFFLINE is set while ${cache.folder} does not ` +
        `hold revision "${repo.revision}"`,
    );
  }
  if (commit !== null) return { commit, license: null, where: "record" };
  try {
    return { ...await fetchRepoInfo(client, repo, about), where: "hub" };
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
    if (!isThere) throw unreached(error, about);
    onNote(`${error.message}; going on with the cache's commit ${inCache.slice(0, 12)}`);
    return { commit: inCache, license: null, where: "cache" };
  }
}

/** The error for a name that is neither a local path nor, as far as can be known, on the hub. */
function unreached({ message }: ConnectionError, { action }: About): ConnectionError {
  const why = message.slice(`${action}: `.length).replace(/^no connection \((.*)\)$/, "$1");
  return new ConnectionError(`${action}: there is no local path of this name, and the hub cannot be reached (${why})`);
}

/** Lists the files of a commit in the cache; their hashes are the names of their blobs. */
async function listCached(cache: RepoCache, commit: string): Promise<RepoFile[]> {
  const files: RepoFile[] = [];
  for (const path of await cache.listSnapshot(commit)) {
    const real = await Deno.realPath(join(cache.snapshot(commit), path));
    files.push({ path, size: (await cache.sizeOf(commit, path))!, hash: real.split(/[\\/]/).at(-1)! });
  }
  return files;
}

/** The largest card or index that is read, far above any that tells of files. */
const MAX_READ_BYTES = 1 << 24;

async function chooseModel({ about, files, fetch }: RepoView): Promise<Chosen> {
  const index = files.find(({ path }) => path === WEIGHTS_INDEX);
  const single = files.some(({ path }) => path === "model.safetensors");
  const weightMap = index === undefined || single
    ? null
    : (await readJsonObject(join(await fetch([readable(index, about)]), WEIGHTS_INDEX))).weight_map;
  const chosen = chooseModelFiles(files.map(({ path }) => path), {
    weightMap: isRecord(weightMap) ? weightMap : null,
    about,
  });
  return { files: pick(files, chosen, about) };
}

async function chooseData(
  { about, files, fetch }: RepoView,
  { repo, prefer }: { repo: DatasetSpec; prefer: readonly string[] },
): Promise<Chosen> {
  const readme = files.find(({ path }) => path === CARD);
  const card = readme === undefined
    ? null
    : frontMatter(await Deno.readTextFile(join(await fetch([readable(readme, about)]), CARD)));
  const { config, split } = repo;
  const { paths, ...part } = chooseDataFiles(files.map(({ path }) => path), card, {
    config,
    split,
    prefer,
    about,
  });
  return { ...part, files: pick(files, paths, about) };
}

/** The file, if it can be read whole. Throws a UserError for a larger one, before any of it is downloaded. */
function readable(file: ListedFile, about: About): RepoFile {
  if (sound(file, about).size <= MAX_READ_BYTES) return file;
  throw new UserError(`${about.action}: ${file.path} has ${file.size} bytes, expected at most ${MAX_READ_BYTES}`);
}

function pick(files: readonly ListedFile[], paths: readonly string[], about: About): RepoFile[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  return paths.map((path) => sound(byPath.get(path)!, about));
}

/** The file, if it can be downloaded. Throws a UserError if not: without it, model or rows would be others. */
function sound(file: ListedFile, { action }: About): RepoFile {
  if (file.problem === undefined) return file;
  throw new UserError(`${action}: the hub lists ${quote(file.path)} ${file.problem}`);
}

/** Parses the YAML between the first two lines of dashes; null if there is none that can be read. */
export function frontMatter(text: string): unknown {
  const [, yaml] = /^\uFEFF?---\r?\n([\s\S]*?)\r?\n---\s*(?:\n|$)/.exec(text) ?? [];
  if (yaml === undefined) return null;
  try {
    return parse(yaml);
  } catch {
    return null;
  }
}
