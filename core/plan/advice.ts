/** What to change if an optimize stage does not fit. @module */
import type { Device } from "../../kernels/device/device.ts";
import { DeviceError } from "../../kernels/device/device_error.ts";
import type { ModelFolder } from "../checkpoint/model_folder.ts";
import type { IterationConfig } from "../config/config_types.ts";
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

/** Settings that need less memory, as `--set` takes them. */
interface Change {
  set: string[];
  settings: IterationConfig;
}

/**
 * Looks for what fits: where only adapters are trained, a quantized base, and else the largest micro-batch, with the
 * same optimizer batch.
 */
export async function advise(
  { device, memory, folder, ...work }: {
    device: Device;
    memory: number;
    folder: ModelFolder;
  } & OptimizeWork,
): Promise<Advice> {
  const advice: Advice = { stage: "optimize", problem: "", change: null };
  for (const { set, settings } of [...quantized(work), ...smallerBatches(work)]) {
    try {
      const { bytes } = await new Rehearsing(device).optimize(folder, { ...work, settings });
      if (bytes <= memory) return { ...advice, change: { set, bytes } };
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
    }
  }
  return advice;
}

function quantized({ settings, plan }: OptimizeWork): Change[] {
  if (plan === null || settings.quantization !== "none") return [];
  return (["int8", "int4"] as const).map((quantization) => ({
    set: [`quantization=${quantization}`],
    settings: { ...settings, quantization },
  }));
}

function smallerBatches({ settings }: OptimizeWork): Change[] {
  const { training } = settings;
  const batch = training.per_device_train_batch_size * training.gradient_accumulation_steps;
  const changes: Change[] = [];
  for (let size = training.per_device_train_batch_size >> 1; size >= 1; size >>= 1) {
    const changed = { ...training, per_device_train_batch_size: size, gradient_accumulation_steps: batch / size };
    if (!Number.isInteger(changed.gradient_accumulation_steps)) continue;
    const keys = ["per_device_train_batch_size", "gradient_accumulation_steps"] as const;
    changes.push({
      set: keys.map((key) => `training.${key}=${changed[key]}`),
      settings: { ...settings, training: changed },
    });
  }
  return changes;
}
