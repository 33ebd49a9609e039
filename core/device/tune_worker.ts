/** The thread that measures kernels at one vector width, which the driver reads when it is loaded. @module */
import type { Lavapipe } from "../../kernels/device/lavapipe.ts";
import type { DeviceFamily, TileClass } from "../../kernels/device/tuning.ts";
import { tune, type TuneResult } from "../../kernels/tune.ts";
import { cpuSeconds } from "./cpu_clock.ts";
import { openDevice, type OpenDeviceOptions } from "./open_device.ts";
import { vectorBits } from "./tuning_cache.ts";

/** What the thread is asked to measure, and on which device. */
export interface WidthQuestion extends OpenDeviceOptions {
  /** Bits; null: the driver's own. */
  vectorWidth: number | null;
  /** Whether to measure even if the adapter has no vector width. */
  always: boolean;
}

/** What the thread answers, while it measures and at its end. */
export type WidthAnswer =
  | { adapter: string; family: DeviceFamily; lavapipe: Lavapipe | null }
  | { measuring: TileClass | "families" }
  /** Null if there was nothing to measure: the driver has no such width, or none at all. */
  | { result: TuneResult | null }
  | { failed: string };

const thread = globalThis as typeof globalThis & {
  onmessage: (event: { data: WidthQuestion }) => Promise<void>;
  postMessage(answer: WidthAnswer): void;
};

thread.onmessage = async ({ data }) => {
  try {
    thread.postMessage(await measure(data));
  } catch (error) {
    thread.postMessage({ failed: error instanceof Error ? error.message : String(error) });
  }
};

async function measure({ always, ...question }: WidthQuestion): Promise<WidthAnswer> {
  const { vectorWidth } = question;
  const device = await openDevice(question);
  try {
    const bits = vectorBits(device.name);
    if (bits === null ? !always : vectorWidth !== null && bits !== vectorWidth) return { result: null };
    thread.postMessage({ adapter: device.name, family: device.family, lavapipe: device.lavapipe });
    const result = await tune(device, { cpuSeconds, onMeasure: (measuring) => thread.postMessage({ measuring }) });
    return { result };
  } finally {
    device.destroy();
  }
}
