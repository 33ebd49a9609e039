/** What a config's run begins with: the model, and the steps, found without a device. @module */
import { type ModelFolder, openModelFolder } from "../checkpoint/model_folder.ts";
import { requireFor, type ResolvedConfig } from "../config/config.ts";
import type { ResolveOptions } from "../hub/resolve_name.ts";
import { optimizeStep, type Step, trainSchedule } from "../loop/schedule.ts";
import { checkPairs } from "../loop/schedule_checks.ts";
import { givesPairs } from "../run/run_rows.ts";
import { RunSources } from "../run/run_sources.ts";

/** What plans and previews of a run read. */
export interface OpenedPlan {
  sources: RunSources;
  folder: ModelFolder;
  /** The steps of the run with this config, which may differ from the one that was opened in what memory it takes. */
  stepsOf(config: ResolvedConfig): Step[];
}

/** Opens what a config names. Throws UserError as the run would. */
export async function openPlan(config: ResolvedConfig, told: ResolveOptions): Promise<OpenedPlan> {
  const alone = isAlone(config);
  requireFor(alone ? "optimize" : "train", config);
  const sources = await RunSources.open(config.output_dir, { ...told, keeps: false });
  const folder = await openModelFolder(await sources.filesIn(await sources.model(config.model!)));
  const hasPairs = !alone && await givesPairs({ config, sources });
  if (!alone) checkPairs(config, { hasPairs });
  return {
    sources,
    folder,
    stepsOf: (config) =>
      alone ? [optimizeStep(config, "pairs")] : trainSchedule(config, { hasPairs }).flatMap((round) => round.steps),
  };
}

/** Whether the run is `optimize` and not `train`. */
export function isAlone(config: ResolvedConfig): boolean {
  return config.pairs !== undefined && config.data.train === undefined;
}
