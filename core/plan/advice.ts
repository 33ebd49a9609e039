/** What to change if an optimize stage does not fit. @module */
import type { Device } from "../../kernels/device/device.ts";
import { DeviceError } from "../../kernels/device/device_error.ts";
import type { ModelFolder } from "../checkpoint/model_folder.ts";
import type { IterationConfig } from "../config/config_types.ts";
import { batchSizes, changes, firstThatFits, lighterBases, lighterSegments } from "./lighter_settings.ts";
import { type OptimizeWork, Rehearsing } from "./rehearse.ts";

/** What does not fit, and what would. */
export interface Advice {
  /** Stage that does not fit. */
  stage: string;
  /** What does not fit, as one line. */
  problem: string;
  /** The settings to change, as `--set` takes them, and the bytes that they need; null if none were found. */
  change: { set: string[]; bytes: number } | null;
}

/**
 * Looks for the settings that change the time and the numbers least and fit, with the same optimizer batch: activations
 * that are computed again, as many layers as need be; where only adapters are trained, a quantized base; and then
 * smaller micro-batches.
 */
export async function advise(
  { device, memory, folder, ...work }: {
    device: Device;
    memory: number;
    folder: ModelFolder;
  } & OptimizeWork,
): Promise<Advice> {
  const { settings, plan } = work;
  const { training } = settings;
  const bytesOf = async (changed: IterationConfig): Promise<number> => {
    try {
      const { bytes } = await new Rehearsing(device).optimize(folder, { ...work, settings: changed });
      return bytes;
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      return Infinity;
    }
  };
  const segments = lighterSegments(device, folder.config, training.gradient_checkpointing);
  for (const batch of batchSizes(training)) {
    for (const quantization of lighterBases(settings.quantization, { isFrozen: plan !== null, folder })) {
      const candidates = segments.map((gradient_checkpointing): IterationConfig => ({
        ...settings,
        quantization,
        training: { ...training, ...batch, gradient_checkpointing },
      }));
      const found = await firstThatFits(candidates, { memory, bytesOf });
      if (found) {
        return { stage: "optimize", problem: "", change: { set: changes(settings, found.item), bytes: found.bytes } };
      }
    }
  }
  return { stage: "optimize", problem: "", change: null };
}
