/** What to change if a stage does not fit. @module */
import type { Device } from "../../kernels/device/device.ts";
import { DeviceError } from "../../kernels/device/device_error.ts";
import type { ModelFolder } from "../checkpoint/model_folder.ts";
import type { IterationConfig } from "../config/config_types.ts";
import {
  batchSizes,
  changes,
  firstThatFits,
  halvesOf,
  lighterBases,
  lighterCaches,
  lighterSegments,
} from "./lighter_settings.ts";
import { type OptimizeWork, type Rehearsed, Rehearsing } from "./rehearse.ts";

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
): Promise<Pick<Advice, "change">> {
  const { settings, plan } = work;
  const { training } = settings;
  const bytesOf = (changed: IterationConfig): Promise<number> =>
    neededBytes(() => new Rehearsing(device).optimize(folder, { ...work, settings: changed }));
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
        return { change: { set: changes(settings, found.item), bytes: found.bytes } };
      }
    }
  }
  return { change: null };
}

/**
 * Looks for settings of sampling that fit: fewer rows at a time, which takes time alone, and then keys and values in 16
 * bits. `rehearse` rehearses the stage with other settings, on this device.
 */
export async function adviseSampling(
  settings: IterationConfig,
  { device, memory, rehearse }: {
    device: Device;
    memory: number;
    rehearse: (stages: Rehearsing, changed: IterationConfig) => Promise<Rehearsed>;
  },
): Promise<Pick<Advice, "change">> {
  const { generation } = settings;
  const bytesOf = (changed: IterationConfig): Promise<number> =>
    neededBytes(() => rehearse(new Rehearsing(device), changed));
  for (const kv_cache_dtype of lighterCaches(generation)) {
    const candidates = halvesOf(generation.batch_size).map((batch_size): IterationConfig => ({
      ...settings,
      generation: { ...generation, batch_size, kv_cache_dtype },
    }));
    const found = await firstThatFits(candidates, { memory, bytesOf });
    if (found) return { change: { set: changes(settings, found.item), bytes: found.bytes } };
  }
  return { change: null };
}

/** Bytes of what is rehearsed; Infinity where the device's limits do not allow it. */
async function neededBytes(rehearse: () => Promise<Rehearsed>): Promise<number> {
  try {
    return (await rehearse()).bytes;
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    return Infinity;
  }
}
