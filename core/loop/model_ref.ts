/** The folders of a schedule's models. @module */
import type { ModelFiles } from "../files/model_files.ts";
import type { RunContext } from "../run/run_context.ts";
import type { ModelRef } from "./schedule.ts";

/**
 * The folder of a model. A model of the config's that is on the hub is downloaded. With `checksums`, throws a UserError
 * if a model that the run made is damaged, or the one that it began with was exchanged.
 */
export async function folderOf(
  { sources, checksums }: Pick<RunContext, "sources"> & Partial<Pick<RunContext, "checksums">>,
  model: ModelRef,
): Promise<string> {
  if ("folder" in model) {
    await checksums?.checkModel(model.folder);
    return model.folder;
  }
  const folder = await sources.model(model.name);
  await checksums?.checkBase(folder);
  return folder;
}

/** The files of a model; of an adapter, with those of its base. Throws UserError. */
export async function filesOf(context: Pick<RunContext, "sources">, model: ModelRef): Promise<ModelFiles> {
  return await context.sources.filesIn(await folderOf(context, model));
}
