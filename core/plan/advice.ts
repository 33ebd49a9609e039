/** What to change if an optimize stage does not fit. @module */
import type { Device } from "../../kernels/device/device.ts";
import { DeviceError } from "../../kernels/device/device_error.ts";
import { Rehearsal } from "../../kernels/device/rehearsal.ts";
import type { ModelFolder } from "../checkpoint/model_folder.ts";
import type { IterationConfig, TrainingConfig } from "../config/config_types.ts";
import { BufferSet, forwardBuffers } from "../model/activations.ts";
import type { ModelConfig } from "../model/families/family.ts";
import { segmentLayers } from "../model/segments.ts";
import { modelCost, recomputeFlop } from "./flops.ts";
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

const BATCH_KEYS = ["per_device_train_batch_size", "gradient_accumulation_steps"] as const;

type Quantization = IterationConfig["quantization"];

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
  const segments = lighterSegments(device, folder.config, training);
  for (const batch of batchSizes(training)) {
    for (const quantization of lighterBases(settings.quantization, { isFrozen: plan !== null })) {
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

/** How the base may be held: as it is set, and in less memory where it is frozen. */
function lighterBases(given: Quantization, { isFrozen }: { isFrozen: boolean }): Quantization[] {
  return isFrozen && given === "none" ? [given, "int8", "int4"] : [given];
}

/** The micro-batch and each half of it, with the same optimizer batch. */
function batchSizes(training: TrainingConfig): Pick<TrainingConfig, typeof BATCH_KEYS[number]>[] {
  const { per_device_train_batch_size: whole, gradient_accumulation_steps: steps } = training;
  const sizes: Pick<TrainingConfig, typeof BATCH_KEYS[number]>[] = [];
  for (let size = whole; size >= 1; size >>= 1) {
    const accumulation = whole * steps / size;
    if (!Number.isInteger(accumulation)) continue;
    sizes.push({ per_device_train_batch_size: size, gradient_accumulation_steps: accumulation });
  }
  return sizes;
}

/** Values of `gradient_checkpointing`: the one that is set, and those that take less memory, each in more time. */
function lighterSegments(device: Device, config: ModelConfig, training: TrainingConfig): (boolean | number)[] {
  const { gradient_checkpointing: given } = training;
  const cost = modelCost(config);
  const flop = (segment: number): number => recomputeFlop(cost, { tokens: 1, pairs: 0, entries: 0 }, { segment });
  const all = Array.from({ length: config.numLayers }, (_, i) => i + 1).sort((a, b) => flop(a) - flop(b));
  let least = activationBytes(device, config, segmentLayers(given, config.numLayers));
  const lighter: (boolean | number)[] = [given];
  for (const segment of all) {
    const bytes = activationBytes(device, config, segment);
    if (bytes >= least) continue;
    least = bytes;
    lighter.push(segment === 1 ? true : segment);
  }
  return lighter;
}

/** Bytes of the buffers of a forward pass for each token. */
function activationBytes(device: Device, config: ModelConfig, segment: number): number {
  const rehearsal = new Rehearsal(device);
  forwardBuffers(new BufferSet(rehearsal), { config, capacity: 1, segment, ranks: 0 });
  return rehearsal.bytes;
}

/** The first of items that fits, each of which takes less than the one before; null if the last does not. */
async function firstThatFits<T>(
  items: readonly T[],
  { memory, bytesOf }: { memory: number; bytesOf: (item: T) => Promise<number> },
): Promise<{ item: T; bytes: number } | null> {
  let [low, high] = [0, items.length - 1];
  let found: { item: T; bytes: number } | null = null;
  for (let at = high; low <= high; at = (low + high) >> 1) {
    const item = items[at]!;
    const bytes = await bytesOf(item);
    if (bytes <= memory) {
      found = { item, bytes };
      high = at - 1;
    } else if (found === null) return null;
    else low = at + 1;
  }
  return found;
}

/** What differs, as `--set` takes it. */
function changes(before: IterationConfig, after: IterationConfig): string[] {
  return [
    ...before.quantization === after.quantization ? [] : [`quantization=${after.quantization}`],
    ...(["gradient_checkpointing", ...BATCH_KEYS] as const)
      .filter((key) => before.training[key] !== after.training[key])
      .map((key) => `training.${key}=${after.training[key]}`),
  ];
}
