/** Finds and opens the model that is to be handed on: a run's, a folder's, or an adapter merged into its base. @module */
import { adaptedFiles } from "../checkpoint/adapted_files.ts";
import { ADAPTER_CONFIG, isAdapter, openAdapterFolder } from "../checkpoint/adapter_folder.ts";
import { modelFilesAt } from "../checkpoint/gguf_files.ts";
import { type ModelFolder, openModelFolder } from "../checkpoint/model_folder.ts";
import { UserError } from "../error.ts";
import { exists } from "../files/io.ts";
import type { ModelFiles } from "../files/model_files.ts";
import { join } from "../files/path.ts";
import { resolveModel } from "../hub/resolve_name.ts";
import { mergedFolder } from "../model/merged_folder.ts";
import type { OnProgress } from "../progress.ts";
import { baseSpec, modelFolderOf } from "../run/model_path.ts";
import { runPaths } from "../run/run_paths.ts";

/** How names on the hub are found, and what is told meanwhile. */
export interface SourceHooks {
  /** Progress of downloads and of writing. */
  onProgress?: OnProgress;
  /** Called with a line for the user. */
  onNote?: (line: string) => void;
}

/** A model that can be read. */
export interface ExportedModel {
  /** The model; of an adapter, with the adapter merged into its weights. */
  folder: ModelFolder;
  /** What an adapter is added to; null if there is none. */
  base: {
    /** Path of the folder. */
    dir: string;
    /** The model without the adapter. */
    folder: ModelFolder;
  } | null;
}

/**
 * Opens a model by the path of its folder or GGUF file, a run's or an adapter's, or by its name on the hub. `base` is
 * the model that the adapter is added to, whatever its folder names. Throws a UserError.
 */
export async function openExported(
  path: string,
  { base, ...hooks }: SourceHooks & { base?: string | undefined },
): Promise<ExportedModel> {
  const resolve = async (name: string): Promise<string> => (await resolveModel(name, hooks)).paths[0]!;
  const find = (name: string): Promise<string> => modelFolderOf(name, { resolve, onNote: hooks.onNote });
  const files = await modelFilesAt(await find(path));
  if (await isAdapter(files)) {
    if (base !== undefined) return await openMerged(files, await find(base));
    const named = await namedBase(files);
    // A base that is not there is told as the adapter's.
    return await openMerged(files, await exists(named) ? await find(named) : await resolve(named));
  }
  if (base === undefined) return { folder: await openModelFolder(files), base: null };
  throw new UserError(`Cannot add ${path} to the base ${base}: it is a model, expected an adapter`);
}

/**
 * The folder of an adapter: `path` itself, `adapter/` in it if `path` is a run's, or that of a name on the hub. Throws a
 * UserError if there is no adapter.
 */
export async function adapterFolderOf(path: string, hooks: SourceHooks): Promise<string> {
  const folders = [path, runPaths(path).adapter];
  if (!await exists(path)) folders.push(...(await resolveModel(path, hooks)).paths);
  for (const folder of folders) if (await exists(join(folder, ADAPTER_CONFIG))) return folder;
  throw new UserError(
    `Cannot merge ${path}: there is no ${ADAPTER_CONFIG}, expected an adapter's folder or a run's with ${
      join("adapter", ADAPTER_CONFIG)
    }`,
  );
}

/** The model that an adapter names. Throws a UserError if it names none. */
async function namedBase(files: ModelFiles): Promise<string> {
  const { base, revision } = await openAdapterFolder(files);
  if (base !== null) return await baseSpec(base, revision);
  throw new UserError(
    `Cannot load the adapter from ${files.name}: base_model_name_or_path of ${ADAPTER_CONFIG} is not set, ` +
      `expected the model that it was trained on, or --base MODEL`,
  );
}

async function openMerged(adapter: ModelFiles, dir: string): Promise<ExportedModel> {
  const folder = await openModelFolder(await adaptedFiles(adapter, await modelFilesAt(dir)));
  return { folder: mergedFolder(folder, await openAdapterFolder(adapter)), base: { dir, folder } };
}
