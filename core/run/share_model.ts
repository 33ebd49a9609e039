/** Makes a frozen model one that all ranks of the job work with. @module */
import { relative, resolve } from "node:path";
import type { FileDigests } from "../checkpoint/folder_identity.ts";
import type { IterationConfig } from "../config/config_types.ts";
import type { AnyModel } from "../model/model.ts";
import type { RewardModel } from "../model/reward_model.ts";
import { giveFiles } from "./gathered_files.ts";
import type { RunContext } from "./run_context.ts";

/** Without a config the work belongs to no run, which would make models. */
type Sharing = Pick<RunContext, "crew" | "checksums"> & Partial<Pick<RunContext, "config">>;

/** The model with the other ranks, which load it from `dir` when there is work for it; the model itself without any. */
export async function shareModel(
  context: Sharing,
  model: AnyModel,
  { dir, quantization }: { dir: string } & Pick<IterationConfig, "quantization">,
): Promise<AnyModel> {
  const { crew } = context;
  if (crew === null) return model;
  const files = await context.checksums.identityOf(dir);
  await gatherModel(context, { dir, files });
  return { ...model, shared: { crew, place: { dir, files, quantization } } };
}

/** As {@linkcode shareModel}, for a reward model. */
export async function shareRewardModel(
  { crew, checksums }: Sharing,
  model: RewardModel,
  { dir }: { dir: string },
): Promise<RewardModel> {
  if (crew === null) return model;
  const files = await checksums.judgeIdentityOf(dir);
  return { ...model, shared: { crew, place: { dir, files, quantization: "none" } } };
}

/** Sends the files of a model that the run has made to the machines that lack them, if the config asks for it. */
export async function gatherModel(
  { config, crew }: Omit<Sharing, "checksums">,
  { dir, files }: { dir: string; files: FileDigests },
): Promise<void> {
  const isAsked = config?.distributed.gather ?? false;
  if (crew && isAsked && isWithin(config!.output_dir, dir)) await giveFiles(crew, { dir, files });
}

function isWithin(folder: string, path: string): boolean {
  const inside = relative(resolve(folder), resolve(path));
  return inside !== "" && !inside.startsWith("..");
}
