/** How to open a device, as the environment, the config and this machine's cache say. @module */
import type { DeviceFamily } from "../../kernels/device/tuning.ts";
import type { ResolvedConfig } from "../config/config.ts";
import { DEVICE_CHOICES, type DeviceChoice, WEBGPU_CHOICES, type WebGpuChoice } from "../config/choices.ts";
import { UserError } from "../error.ts";
import { readVectorWidth, VECTOR_WIDTHS } from "./tuning_cache.ts";

/** The families of kernels. */
const FAMILIES = ["cpu", "gpu"] as const satisfies readonly DeviceFamily[];

/** The part of a config that says how a device is opened. */
export type DeviceSettings = Readonly<Partial<Pick<ResolvedConfig, "autotune" | "device" | "webgpu">>>;

/** How to open a device. */
export interface WantedDevice {
  vectorWidth: number | null;
  webgpu: WebGpuChoice;
  device: DeviceChoice;
  family?: DeviceFamily;
}

/**
 * How to open a device if no run has begun: as the environment says, otherwise as the settings say, and with the vector
 * width that `dnpo tune` has kept. Throws a UserError for a variable that names something else.
 */
export async function wantedDevice({ autotune = true, device, webgpu }: DeviceSettings = {}): Promise<WantedDevice> {
  const family = wantedFamily();
  return {
    vectorWidth: await wantedVectorWidth(autotune),
    webgpu: environmentWord("DNPO_WEBGPU", WEBGPU_CHOICES, "choose WebGPU") ?? webgpu ?? "deno",
    device: environmentWord("DNPO_DEVICE", DEVICE_CHOICES, "choose a device") ?? device ?? "high-performance",
    ...(family && { family }),
  };
}

/** The family of kernels that `DNPO_KERNELS` names; undefined: the adapter's own. Throws a UserError for others. */
function wantedFamily(): DeviceFamily | undefined {
  return environmentWord("DNPO_KERNELS", FAMILIES, "choose kernels");
}

/** The word of a variable; undefined if it is not set, is empty, or may not be read. Throws a UserError for other words. */
function environmentWord<T extends string>(variable: string, words: readonly T[], what: string): T | undefined {
  let text: string | undefined;
  try {
    text = Deno.env.get(variable);
  } catch {
    return undefined;
  }
  if (!text) return undefined;
  const word = words.find((word) => word === text);
  if (word !== undefined) return word;
  const expected = `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
  throw new UserError(`Cannot ${what}: ${variable} is "${text}", expected ${expected}`);
}

/** The user's LP_NATIVE_VECTOR_WIDTH, otherwise the width that was measured as the fastest; null: the driver's own. */
async function wantedVectorWidth(autotune: boolean): Promise<number | null> {
  return environmentWidth() ?? (autotune ? await readVectorWidth() : null) ?? null;
}

/** The user's LP_NATIVE_VECTOR_WIDTH; null if there is none. Throws a UserError if it is not a width that lavapipe takes. */
export function environmentWidth(): number | null {
  const word = environmentWord("LP_NATIVE_VECTOR_WIDTH", VECTOR_WIDTHS.map(String), "choose the width of vectors");
  return word === undefined ? null : Number(word);
}
