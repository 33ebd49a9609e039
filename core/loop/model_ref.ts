/** The folders of a schedule's models. @module */
import type { ModelFiles } from "../files/model_files.ts";
import type { RunContext } from "../run/run_context.ts";
import type { ModelRef } from "./schedule.ts";

/** The folder of a model. A model of the config's that is on the hub is downloaded. Throws UserError. */
export async function folderOf({ sources }: Pick<RunContext, "sources">, model: ModelRef): Promise<string> {
  return "folder" in model ? model.folder : await sources.model(model.name);
}

/** The files of a model; of an adapter, with those of its base. Throws UserError. */
export async function filesOf(context: Pick<RunContext, "sources">, model: ModelRef): Promise<ModelFiles> {
  return await context.sources.filesIn(await folderOf(context, model));
}
