/** A model's tensors with its adapter merged into the weights that it was trained on. @module */
import type { Device } from "../../kernels/device/device.ts";
import { isQuantized } from "../../kernels/storage/storage.ts";
import type { ModelFolder } from "../checkpoint/model_folder.ts";
import { addAdapter } from "./lora_adapter.ts";
import type { AnyModel } from "./model.ts";
import type { ModelWeights } from "./model_weights.ts";
import { openStoredReader } from "./stored_reader.ts";

/** A model with its adapter, as it was trained. */
type AdaptedModel = Pick<AnyModel, "folder" | "weights" | "adapter">;

/**
 * Reads W + s·B·A of each weight that has an adapter, row by row on the device, and the others as they are: quantized
 * ones dequantized, since these were trained on, and those that are not from their files.
 */
export function mergedWeights(
  device: Device,
  { folder, weights, adapter }: AdaptedModel,
): Pick<ModelWeights, "openReader"> {
  const adapted = new Set(adapter?.plan.modules.map(({ name }) => `${name}.weight`));
  const isMade = (name: string): boolean => adapted.has(name) || isQuantized(weights.locate(name).matrix.storage);
  return {
    openReader(names) {
      const made = names.filter(isMade);
      const reader = made.length === 0 ? null : openStoredReader(device, {
        weights,
        names: made,
        ...(adapter && { change: (commands, window) => addAdapter(commands, adapter, window) }),
      });
      let at = 0;
      return {
        next() {
          const name = names[at++]!;
          return isMade(name) ? reader!.next() : folder.streamTensor(name);
        },
        close: async () => await reader?.close(),
      };
    },
  };
}

/** The weights that an adapter was trained on: those of the files, or dequantized ones. */
export function trainedOn(
  device: Device,
  { folder, weights }: Omit<AdaptedModel, "adapter">,
): Pick<ModelFolder, "streamTensor"> {
  return {
    async *streamTensor(name) {
      if (!isQuantized(weights.locate(name).matrix.storage)) return yield* folder.streamTensor(name);
      const reader = openStoredReader(device, { weights, names: [name] });
      try {
        yield* reader.next();
      } finally {
        await reader.close();
      }
    },
  };
}
