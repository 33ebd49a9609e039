/** Holds a model's folder to the digests of its files as they were when this program wrote it. @module */
import { folderFiles, type ModelFiles } from "../files/model_files.ts";
import { digestFile } from "../files/stream_digest.ts";
import { differingFile, type FileDigests } from "./folder_identity.ts";
import { additionalTemplates, SAVED_FILES } from "./save_folder.ts";

/** A file of a model that is not as it was written. */
export interface ChangedFile {
  name: string;
  /** `FILE has SHA-256 …, expected …`. */
  problem: string;
}

/**
 * Yields the files of the model in `dir` that are not as they `were` written, are missing, or were none, the weights
 * last. Throws a UserError if one cannot be read.
 */
export async function* changedFiles(dir: string, were: FileDigests): AsyncGenerator<ChangedFile> {
  const files = await folderFiles(dir);
  for (const name of await namesOf(files, were)) {
    const is = await files.stat(name) === null ? {} : { [name]: await digestFile(files, name) };
    const problem = differingFile(is, were[name] === undefined ? {} : { [name]: were[name] });
    if (problem !== null) yield { name, problem };
  }
}

/** What is known without reading them of the files that {@linkcode changedFiles} compares, as a text. */
export async function writtenFacts(files: ModelFiles, were: FileDigests): Promise<string> {
  return JSON.stringify(await Promise.all((await namesOf(files, were)).map((name) => files.stat(name))));
}

/** Whether a file of this name holds weights. */
export function holdsWeights(name: string): boolean {
  return name.endsWith(".safetensors");
}

/** The files that are compared: those that were written, and those that a model may have. */
async function namesOf(files: ModelFiles, were: FileDigests): Promise<string[]> {
  const names = [...new Set([...SAVED_FILES, ...await additionalTemplates(files), ...Object.keys(were)])];
  return [...names.filter((name) => !holdsWeights(name)), ...names.filter(holdsWeights)];
}
