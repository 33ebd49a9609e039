/** The folders of a schedule's models. @module */
import type { RunContext } from "../run/run_context.ts";
import type { ModelRef } from "./schedule.ts";

/** The folder of a model. A model of the config's that is on the hub is downloaded. Throws UserError. */
export async function folderOf({ sources }: Pick<RunContext, "sources">, model: ModelRef): Promise<string> {
  return "folder" in model ? model.folder : await sources.model(model.name);
}
