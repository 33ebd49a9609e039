/** The files of an adapter together with those of the model that it was trained on. @module */
import { UserError } from "../error.ts";
import type { ModelFiles } from "../files/model_files.ts";
import { ADAPTER_CONFIG, ADAPTER_FILES, isAdapter, openAdapterFolder } from "./adapter_folder.ts";
import { modelFilesAt } from "./gguf_files.ts";
import { CHAT_TEMPLATE, isTokenizerFile, TEMPLATES_FOLDER } from "./save_folder.ts";

/**
 * The files of a model as its adapter changes it: the adapter's own, the tokenizer's of the adapter's folder if that
 * has one, and else the base's. Throws a UserError if the base is no model, or an adapter too.
 */
export async function adaptedFiles(adapter: ModelFiles, base: ModelFiles): Promise<ModelFiles> {
  if (await isAdapter(base)) {
    throw new UserError(
      `Cannot load the adapter from ${adapter.name}: its base ${base.name} is an adapter too, expected a model`,
    );
  }
  if (await base.stat("config.json") === null) {
    throw new UserError(
      `Cannot load the adapter from ${adapter.name}: there is no config.json in its base ${base.name}, expected the model that it was trained on: what base_model_name_or_path of ${ADAPTER_CONFIG} names is a path from the working directory, or a name on the hub`,
    );
  }
  const hasTokenizer = await adapter.stat("tokenizer.json") !== null;
  const hasTemplate = await adapter.stat(CHAT_TEMPLATE) !== null;
  const isOwn = (file: string): boolean =>
    ADAPTER_FILES.includes(file) || (hasTokenizer && isTokenizerFile(file)) || (hasTemplate && file === CHAT_TEMPLATE);
  const of = (file: string): ModelFiles => isOwn(file) ? adapter : base;
  return {
    name: adapter.name,
    adapter,
    ...base.gguf !== undefined && { gguf: base.gguf },
    pathOf: (file) => of(file).pathOf(file),
    stat: (file) => of(file).stat(file),
    read: (file, range) => of(file).read(file, range),
    namesIn: async (folder) => {
      const from = hasTokenizer && folder === TEMPLATES_FOLDER ? adapter : base;
      return await from.namesIn?.(folder) ?? [];
    },
  };
}

/**
 * The files of the model at `dir`, a folder or a GGUF file. If it is a PEFT folder, `baseOf` gives the path of the
 * base that it names, at the revision of the hub that it names; by default the name is a path. Throws a UserError if
 * it names none.
 */
export async function filesWithBase(
  dir: string,
  baseOf: (name: string, revision: string | null) => Promise<string> = (name) => Promise.resolve(name),
): Promise<ModelFiles> {
  const files = await modelFilesAt(dir);
  if (!await isAdapter(files)) return files;
  const { base, revision } = await openAdapterFolder(files);
  if (base === null) {
    throw new UserError(
      `Cannot load the adapter from ${dir}: base_model_name_or_path of ${ADAPTER_CONFIG} is not set, expected the model that it was trained on`,
    );
  }
  return await adaptedFiles(files, await modelFilesAt(await baseOf(base, revision)));
}
