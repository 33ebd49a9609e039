/** Makes a frozen model one that all ranks of the job work with. @module */
import { relative, resolve } from "node:path";
import type { FileDigests } from "../checkpoint/folder_identity.ts";
import type { IterationConfig } from "../config/config_types.ts";
import type { AnyModel } from "../model/model.ts";
import { giveFiles } from "./gathered_files.ts";
import type { RunContext } from "./run_context.ts";

/** The model with the other ranks, which load it from `dir` when there is work for it; the model itself without any. */
export async function shareModel(
  context: Pick<RunContext, "config" | "crew" | "checksums">,
  model: AnyModel,
  { dir, quantization }: { dir: string } & Pick<IterationConfig, "quantization">,
): Promise<AnyModel> {
  const { crew } = context;
  if (crew === null) return model;
  const files = await context.checksums.identityOf(dir);
  await gatherModel(context, { dir, files });
  return { ...model, shared: { crew, place: { dir, files, quantization } } };
}

/** Sends the files of a model that the run has made to the machines that lack them, if the config asks for it. */
export async function gatherModel(
  { config, crew }: Pick<RunContext, "config" | "crew">,
  { dir, files }: { dir: string; files: FileDigests },
): Promise<void> {
  const isMade = isWithin(config.output_dir, dir);
  if (crew && config.distributed.gather && isMade) await giveFiles(crew, { dir, files });
}

function isWithin(folder: string, path: string): boolean {
  const inside = relative(resolve(folder), resolve(path));
  return inside !== "" && !inside.startsWith("..");
}
