/** Which model a path or name means. @module */
import { join } from "node:path";
import { filesWithBase } from "../checkpoint/adapted_files.ts";
import { ADAPTER_CONFIG } from "../checkpoint/adapter_folder.ts";
import type { Quantization } from "../config/choices.ts";
import { exists, isFolder } from "../files/io.ts";
import { isGgufPath, type ModelFiles } from "../files/model_files.ts";
import { parseModelSpec, refuseCredentials } from "../hub/hub_spec.ts";
import { quantizationOf } from "./adapter_origin.ts";
import { checkHandedOut } from "./handed_out.ts";
import { noModelAt } from "./missing_model.ts";
import { runPaths } from "./run_paths.ts";

/**
 * Finds the folder of a model or an adapter, or a GGUF file: `path` itself, or `model/` or else `adapter/` in it if
 * `path` is a run's folder. If nothing is at `path`, it is a name whose folder `resolve` finds. Throws a UserError if
 * `path` is there, but is none of these, or if the weights of a run are not as it wrote them; other files that were
 * changed are noted, and an adapter whose base is held in another `quantization` than in training.
 */
export async function modelFolderOf(
  path: string,
  { resolve, onNote = () => {}, quantization = "none" }: {
    resolve: (name: string) => Promise<string>;
    onNote?: ((line: string) => void) | undefined;
    quantization?: Quantization;
  },
): Promise<string> {
  refuseCredentials(path);
  if (await isModelFolder(path)) {
    await noteQuantization(path, { quantization, onNote });
    return path;
  }
  for (const made of ["model", "adapter"] as const) {
    const folder = runPaths(path)[made];
    if (!await isModelFolder(folder)) continue;
    await checkHandedOut(path, { made, onNote, otherwise: `, or name ${folder} to use it as it is` });
    await noteQuantization(folder, { quantization, onNote });
    return folder;
  }
  if (!await exists(path)) {
    const found = await resolve(path);
    if (found !== path) return found;
  }
  throw await noModelAt(path);
}

async function noteQuantization(
  folder: string,
  { quantization, onNote }: { quantization: Quantization; onNote: (line: string) => void },
): Promise<void> {
  if (!await exists(join(folder, ADAPTER_CONFIG))) return;
  const trained = await quantizationOf(folder);
  if (trained === null || trained === quantization) return;
  const held = quantization === "none" ? "as its folder has it" : `in ${quantization}`;
  onNote(
    `The adapter in ${folder} was trained over its base in ${trained}: over the base ${held}, it is another model; ` +
      `that of the training has quantization ${trained}, and is what the run merges (lora.save: merged or both)`,
  );
}

/** Whether a folder holds a model or an adapter; a GGUF file is a model too. */
export async function isModelFolder(folder: string): Promise<boolean> {
  if (isGgufPath(folder) && await exists(folder) && !await isFolder(folder)) return true;
  return await exists(join(folder, "config.json")) || await exists(join(folder, ADAPTER_CONFIG));
}

/** What an adapter calls its base, as a config calls a model: a path, or a name on the hub with its revision. */
export async function baseSpec(name: string, revision: string | null): Promise<string> {
  return revision === null || await exists(name) ? name : `${name}@${revision}`;
}

/** The reverse of {@linkcode baseSpec}: what a config calls a model as PEFT has it, the revision apart. */
export async function namedBase(model: string): Promise<{ base: string; revision: string | null }> {
  const spec = !model.includes("@") || await exists(model) ? null : parseModelSpec(model);
  return spec === null ? { base: model, revision: null } : { base: spec.repo, revision: spec.revision };
}

/**
 * The files of the model in `folder`; of an adapter, with those of its base, whose folder `resolve` finds by its path or
 * by its name and revision on the hub. Throws a UserError.
 */
export async function modelFiles(folder: string, resolve: (name: string) => Promise<string>): Promise<ModelFiles> {
  return await filesWithBase(folder, async (name, revision) => await resolve(await baseSpec(name, revision)));
}
