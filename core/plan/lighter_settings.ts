/** Settings that take less memory for the same optimizer batch, in the order in which they are tried. @module */
import type { Device } from "../../kernels/device/device.ts";
import { Rehearsal } from "../../kernels/device/rehearsal.ts";
import type { ModelFolder } from "../checkpoint/model_folder.ts";
import type { IterationConfig, TrainingConfig } from "../config/config_types.ts";
import { BufferSet, forwardBuffers } from "../model/activations.ts";
import type { ModelConfig } from "../model/families/family.ts";
import { segmentLayers } from "../model/segments.ts";
import { modelCost, recomputeFlop } from "./flops.ts";

const BATCH_KEYS = ["per_device_train_batch_size", "gradient_accumulation_steps"] as const;

/** The settings whose product is the optimizer batch. */
export type BatchSizes = Pick<TrainingConfig, typeof BATCH_KEYS[number]>;

/** How a frozen base is held. */
export type Quantization = IterationConfig["quantization"];

/** The settings that a search for less memory may change. */
export interface MemorySettings {
  quantization: Quantization;
  training: BatchSizes & Pick<TrainingConfig, "gradient_checkpointing">;
  generation: SampledSettings;
}

/** The settings of sampling that memory depends on. */
export type SampledSettings = Pick<IterationConfig["generation"], "batch_size" | "kv_cache_dtype">;

/** How the base may be held: as it is set, and in less memory where it is frozen and did not come quantized. */
export function lighterBases(
  given: Quantization,
  { isFrozen, folder }: { isFrozen: boolean; folder: Pick<ModelFolder, "comesQuantized"> },
): Quantization[] {
  const mayQuantize = isFrozen && given === "none" && folder.comesQuantized === null;
  return mayQuantize ? [given, "int8", "int4"] : [given];
}

/** How keys and values may be cached: as it is set, and in 16 bits where they are in full. */
export function lighterCaches({ kv_cache_dtype: given }: SampledSettings): SampledSettings["kv_cache_dtype"][] {
  return given === "float32" ? [given, "bfloat16"] : [given];
}

/** The micro-batch and each half of it, with the same optimizer batch. */
export function batchSizes(training: BatchSizes): BatchSizes[] {
  const { per_device_train_batch_size: whole, gradient_accumulation_steps: steps } = training;
  const sizes: BatchSizes[] = [];
  for (const size of halvesOf(whole)) {
    const accumulation = whole * steps / size;
    if (!Number.isInteger(accumulation)) continue;
    sizes.push({ per_device_train_batch_size: size, gradient_accumulation_steps: accumulation });
  }
  return sizes;
}

/** A count and what remains of it when it is halved again and again, down to 1. */
export function halvesOf(count: number): number[] {
  const halves: number[] = [];
  for (let half = count; half >= 1; half >>= 1) halves.push(half);
  return halves;
}

/** Values of `gradient_checkpointing`: the one that is set, and those that take less memory, each in more time. */
export function lighterSegments(device: Device, config: ModelConfig, given: boolean | number): (boolean | number)[] {
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
export async function firstThatFits<T>(
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
export function changes(before: MemorySettings, after: MemorySettings): string[] {
  return [
    ...before.quantization === after.quantization ? [] : [`quantization=${after.quantization}`],
    ...(["gradient_checkpointing", ...BATCH_KEYS] as const)
      .filter((key) => before.training[key] !== after.training[key])
      .map((key) => `training.${key}=${after.training[key]}`),
    ...(["batch_size", "kv_cache_dtype"] as const)
      .filter((key) => before.generation[key] !== after.generation[key])
      .map((key) => `generation.${key}=${after.generation[key]}`),
  ];
}
