/** Makes a frozen model one that all ranks of the job work with. @module */
import type { IterationConfig } from "../config/config_types.ts";
import type { AnyModel } from "../model/model.ts";
import type { RunContext } from "./run_context.ts";

/** The model with the other ranks, which load it from `dir` when there is work for it; the model itself without any. */
export async function shareModel(
  { crew, checksums }: Pick<RunContext, "crew" | "checksums">,
  model: AnyModel,
  { dir, quantization }: { dir: string } & Pick<IterationConfig, "quantization">,
): Promise<AnyModel> {
  if (crew === null) return model;
  const files = await checksums.identityOf(dir);
  return { ...model, shared: { crew, place: { dir, files, quantization } } };
}
