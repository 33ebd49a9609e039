/** Saves what was trained: a model, an adapter, or a model into which the adapter is merged. @module */
import { isQuantized } from "../../kernels/storage/storage.ts";
import type { Dtype } from "../dtype.ts";
import { storeAdapter } from "../model/lora_adapter.ts";
import { mergedWeights, trainedOn } from "../model/merged_weights.ts";
import { type AnyModel, storeModel } from "../model/model.ts";
import { noteRounding } from "../run/rounding_note.ts";
import type { RunContext } from "../run/run_context.ts";
import type { OptimizeStep } from "./schedule.ts";

/**
 * Saves the model's adapter and weights into the folders of `makes`. For a folder of a model the adapter is merged into
 * the very weights that it was trained on. Throws UserError or DeviceError.
 */
export async function handOut(
  context: Pick<RunContext, "commands" | "onNote" | "checksums">,
  { model, makes, dtype }: { model: AnyModel; makes: OptimizeStep["makes"]; dtype: Dtype },
): Promise<void> {
  const { adapter, folder, config } = model;
  const { device } = context.commands;
  const watchOf = (dir: string) => context.checksums.watchModel(dir);
  if (makes.adapter !== null) {
    await storeAdapter(makes.adapter, adapter!, { config, source: folder, watch: watchOf(makes.adapter) });
  }
  if (makes.model === null) return;
  const quantized = adapter?.plan.modules.map(({ name }) => model.weights.locate(`${name}.weight`).matrix.storage)
    .find(isQuantized);
  if (quantized !== undefined) {
    context.onNote(
      `The adapter is merged into the ${quantized} weights that it was trained on, dequantized, and not into weights of full precision`,
    );
  }
  const weights = adapter ? mergedWeights(device, model) : model.weights;
  const lost = await storeModel(makes.model, { folder, weights }, {
    dtype,
    before: adapter ? trainedOn(device, model) : folder,
    watch: watchOf(makes.model),
  });
  noteRounding(context, { lost, dtype });
}
