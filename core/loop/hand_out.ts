/** Saves what was trained: a model, an adapter, or a model into which the adapter is merged. @module */
import type { Dtype } from "../dtype.ts";
import { mergeAdapter, storeAdapter } from "../model/lora_adapter.ts";
import { type Model, storeModel } from "../model/model.ts";
import { noteRounding } from "../run/rounding_note.ts";
import type { RunContext } from "../run/run_context.ts";
import type { OptimizeStep } from "./schedule.ts";

/**
 * Saves the model's adapter and weights into the folders of `makes`. For a folder of a model the adapter is merged into
 * the weights on the device, so that the model cannot be used any more. Throws UserError or DeviceError.
 */
export async function handOut(
  context: Pick<RunContext, "commands" | "onNote" | "checksums">,
  { model, makes, dtype }: { model: Model; makes: OptimizeStep["makes"]; dtype: Dtype },
): Promise<void> {
  const { adapter, weights, config, folder } = model;
  const watchOf = (dir: string) => context.checksums.watchModel(dir);
  if (makes.adapter !== null) {
    await storeAdapter(makes.adapter, adapter!, { config, source: folder, watch: watchOf(makes.adapter) });
  }
  if (makes.model === null) return;
  if (adapter) mergeAdapter(context.commands, weights, adapter);
  const lost = await storeModel(makes.model, model, { dtype, before: folder, watch: watchOf(makes.model) });
  noteRounding(context, { lost, dtype });
}
