/** What the adapter that a run begins with adapts. @module */
import { type AdapterFolder, openAdapterFolder } from "../checkpoint/adapter_folder.ts";
import type { LoraConfig } from "../config/config_types.ts";
import type { AdapterPlan } from "../model/adapter_plan.ts";
import { planNamedTargets } from "../model/adapter_targets.ts";
import type { ModelConfig } from "../model/families/family.ts";
import { planLoaded } from "../model/lora_adapter.ts";
import type { RunSources } from "../run/run_sources.ts";

/** The folder that `lora.init_lora_weights` names, or null where the first values are drawn. Throws UserError. */
export async function initialFolder(
  sources: RunSources,
  { init_lora_weights: init }: LoraConfig,
): Promise<AdapterFolder | null> {
  return init === true || init === "gaussian" ? null : await openAdapterFolder(await sources.model(init));
}

/**
 * Plans the first adapter of a model that has none: one of the settings, or that of `lora.init_lora_weights`. Throws a
 * UserError if they do not fit the model.
 */
export async function planFirst(sources: RunSources, config: ModelConfig, lora: LoraConfig): Promise<AdapterPlan> {
  const folder = await initialFolder(sources, lora);
  return folder === null ? planNamedTargets(config, lora) : planLoaded(config, folder);
}
