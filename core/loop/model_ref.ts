/** Where the models of a schedule lie. @module */
import type { RunContext } from "../run/run_context.ts";
import type { ModelRef } from "./schedule.ts";

/** The folder of a model: the config's is downloaded where it is the hub's. Throws UserError. */
export async function folderOf({ sources }: Pick<RunContext, "sources">, model: ModelRef): Promise<string> {
  return "folder" in model ? model.folder : await sources.model(model.name);
}
