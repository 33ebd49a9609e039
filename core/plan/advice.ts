/** What to change if an optimize stage does not fit. @module */
import type { Device } from "../../kernels/device/device.ts";
import { DeviceError } from "../../kernels/device/device_error.ts";
import type { ModelFolder } from "../checkpoint/model_folder.ts";
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

/** Looks for the largest micro-batch that fits, with the same optimizer batch. */
export async function advise(
  { device, memory, folder, ...work }: {
    device: Device;
    memory: number;
    folder: ModelFolder;
  } & OptimizeWork,
): Promise<Advice> {
  const { settings } = work;
  const { training } = settings;
  const batch = training.per_device_train_batch_size * training.gradient_accumulation_steps;
  const advice: Advice = { stage: "optimize", problem: "", change: null };
  for (let size = training.per_device_train_batch_size >> 1; size >= 1; size >>= 1) {
    const changed = { ...training, per_device_train_batch_size: size, gradient_accumulation_steps: batch / size };
    if (!Number.isInteger(changed.gradient_accumulation_steps)) continue;
    try {
      const { bytes } = await new Rehearsing(device).optimize(folder, {
        ...work,
        settings: { ...settings, training: changed },
      });
      if (bytes > memory) continue;
      const set = ["per_device_train_batch_size", "gradient_accumulation_steps"] as const;
      return { ...advice, change: { set: set.map((key) => `training.${key}=${changed[key]}`), bytes } };
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
    }
  }
  return advice;
}
