/** Models and data sets that a config names: local ones as they are, the hub's as files of a fixed commit. @module */
import { dirname } from "node:path";
import { ADAPTER_CONFIG, isAdapter } from "../checkpoint/adapter_folder.ts";
import { modelFilesAt } from "../checkpoint/gguf_files.ts";
import { type DataSource, openSource } from "../data/formats/data_sources.ts";
import { UserError } from "../error.ts";
import { makeFolder, writeFileAtomic } from "../files/atomic.ts";
import { exists, readJsonObject } from "../files/io.ts";
import { isGgufPath, type ModelFiles } from "../files/model_files.ts";
import {
  isSameSource,
  type Resolved,
  resolveDataset,
  resolveModel,
  type ResolveOptions,
  type SourceRecord,
} from "../hub/resolve_name.ts";
import { isRecord } from "../values.ts";
import { noModelAt } from "./missing_model.ts";
import { isModelFolder, modelFiles } from "./model_path.ts";
import { runPaths } from "./run_paths.ts";

/**
 * A model, an adapter without its base, or a data set that a run reads, by what the config calls it; `eval` prefers a
 * held-out split.
 */
export type Need =
  | { readonly kind: "model"; readonly name: string; readonly isJudge?: true }
  | { readonly kind: "adapter"; readonly name: string }
  | { readonly kind: "data" | "eval"; readonly source: DataSource };

/** Held-out splits, in the order of preference. */
export const EVAL_SPLITS: readonly string[] = ["test", "validation"];

/**
 * Finds the files behind the names in a run's config. Files of the hub are downloaded when they are first needed. Their
 * commit and paths are written into OUTPUT_DIR/sources.json, so that a run that goes on uses the same files even if a
 * branch has moved.
 */
export class RunSources {
  #path: string | null;
  readonly #options: ResolveOptions;
  readonly #records: SourceRecord[];
  readonly #found = new Map<string, Promise<readonly string[]>>();

  private constructor(path: string | null, { records, options }: { records: SourceRecord[]; options: ResolveOptions }) {
    this.#path = path;
    this.#records = records;
    this.#options = options;
  }

  /**
   * Opens the sources of the run in `folder`. If it is null, a branch means its newest commit. Without `keeps` (default
   * true) the run's commits are used, but no other is written into the folder.
   */
  static async open(
    folder: string | null,
    { onProgress, onNote, signal, env, keeps = true }:
      & Pick<ResolveOptions, "onProgress" | "onNote" | "signal" | "env">
      & { keeps?: boolean },
  ): Promise<RunSources> {
    const options = {
      ...(onProgress && { onProgress }),
      ...(onNote && { onNote }),
      ...(signal && { signal }),
      ...(env && { env }),
    };
    if (folder === null) return new RunSources(null, { records: [], options });
    const path = keeps ? runPaths(folder).sources : null;
    return new RunSources(path, { records: await readSources(folder), options });
  }

  /**
   * Writes what was found into the run's folder, from now on as well. Returns whether it may stand there: nothing is
   * written if the folder's record fixes another commit.
   */
  async keepIn(folder: string): Promise<boolean> {
    const kept = await readSources(folder);
    const isOther = (a: SourceRecord, b: SourceRecord): boolean =>
      a.type === b.type && a.repo === b.repo && a.revision === b.revision && a.commit !== b.commit;
    if (kept.some((record) => this.#records.some((own) => isOther(own, record)))) return false;
    this.#path = runPaths(folder).sources;
    if (this.#records.length === 0) return true;
    this.#records.unshift(...kept.filter((record) => !this.#records.some((own) => isSameSource(own, record))));
    await this.#write(this.#path);
    return true;
  }

  /** The folder or GGUF file of the model that the config calls `name`. */
  async model(name: string): Promise<string> {
    const [folder] = await this.#once(`model ${name}`, (options) => resolveModel(name, options));
    return folder!;
  }

  /** The files of the model at `folder`; of an adapter, with those of its base, which may be on the hub. */
  async filesIn(folder: string): Promise<ModelFiles> {
    return await modelFiles(folder, (name) => this.model(name));
  }

  /** The files of the data set that the config calls `name`; `forEval` prefers a held-out split if none is named. */
  data(name: string, { forEval = false }: { forEval?: boolean } = {}): Promise<readonly string[]> {
    const prefer = forEval ? { prefer: EVAL_SPLITS } : {};
    return this.#once(`${forEval ? "eval" : "data"} ${name}`, async (options) => {
      const { paths, record } = await resolveDataset(name, { ...options, ...prefer });
      if (record?.is_benchmark) {
        const { is_benchmark: _, ...own } = record;
        await options.onRecord?.(own);
      }
      return { paths, record };
    });
  }

  /** As {@linkcode data}, for rows of a benchmark: the record says so, unless the run is trained or measured on them too. */
  benchmark(name: string): Promise<readonly string[]> {
    return this.#once(`benchmark ${name}`, (options) =>
      resolveDataset(name, {
        ...options,
        onRecord: (record) => options.onRecord?.({ ...record, is_benchmark: true }),
      }));
  }

  /** Finds everything that a run will read, so that a missing file is known before any work is done. */
  async prepare(needs: readonly Need[]): Promise<void> {
    for (const need of needs) {
      if (need.kind === "model") await this.#prepareModel(need);
      else if (need.kind === "adapter") await this.#prepareAdapter(need.name);
      else {
        const forEval = need.kind === "eval";
        const locate = (name: string): Promise<readonly string[]> => this.data(name, { forEval });
        await openSource(need.source, { locate, ...(forEval && { prefer: EVAL_SPLITS }) });
      }
    }
  }

  /** Finds a model, and the base of an adapter. A judge that is missing is missed only where something is left to judge. */
  async #prepareModel({ name, isJudge }: { name: string; isJudge?: true }): Promise<void> {
    const folder = await this.model(name);
    // A GGUF file that is missing is told as such.
    if (!isJudge && !isGgufPath(folder) && !await isModelFolder(folder)) throw await noModelAt(folder);
    if (await isAdapter(await modelFilesAt(folder))) await this.filesIn(folder);
  }

  /** Finds the adapter that `lora.init_lora_weights` names. */
  async #prepareAdapter(name: string): Promise<void> {
    if (await isAdapter(await modelFilesAt(await this.model(name)))) return;
    throw new UserError(
      `Cannot take the first values from ${name}: it is no folder with ${ADAPTER_CONFIG}, expected lora.init_lora_weights to be true, gaussian or a PEFT folder`,
    );
  }

  #once(key: string, resolve: (options: ResolveOptions) => Promise<Resolved>): Promise<readonly string[]> {
    const found = this.#found.get(key) ?? this.#resolve(resolve);
    this.#found.set(key, found);
    return found;
  }

  async #resolve(resolve: (options: ResolveOptions) => Promise<Resolved>): Promise<readonly string[]> {
    // The record is written before the download, so that a run that is stopped during it goes on with the same commit.
    const onRecord = async (record: SourceRecord): Promise<void> => {
      const same = this.#records.findIndex((other) => isSameSource(other, record));
      this.#records.splice(same === -1 ? this.#records.length : same, 1, record);
      if (this.#path !== null) await this.#write(this.#path);
    };
    return (await resolve({ ...this.#options, known: this.#records, onRecord })).paths;
  }

  async #write(path: string): Promise<void> {
    await makeFolder(dirname(path));
    await writeFileAtomic(path, JSON.stringify({ sources: this.#records }, null, 2) + "\n");
  }
}

/** Reads a run's sources.json; empty if there is none. Throws a UserError if it is malformed. */
export async function readSources(folder: string): Promise<SourceRecord[]> {
  const path = runPaths(folder).sources;
  if (!await exists(path)) return [];
  const { sources } = await readJsonObject(path);
  if (!Array.isArray(sources) || !sources.every(isSource)) {
    throw new UserError(`Cannot read ${path}: it does not hold the sources of a run; delete it to look them up again`);
  }
  return sources;
}

function isSource(value: unknown): value is SourceRecord {
  return isRecord(value) && ["source", "type", "repo", "revision"].every((key) => typeof value[key] === "string") &&
    typeof value.commit === "string" && /^[0-9a-f]{40}$/.test(value.commit) && Array.isArray(value.files) &&
    value.files.every((file) => isRecord(file) && typeof file.path === "string" && typeof file.size === "number");
}
