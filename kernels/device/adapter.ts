/** Opening the machine's adapter as a {@linkcode Device}. @module */
import { Device, LIMITS } from "./device.ts";
import type { DeviceChoice } from "./device_choice.ts";
import { DeviceError, oneLine } from "./device_error.ts";
import { probeExtensions } from "./extensions.ts";
import { lavapipeOf } from "./lavapipe.ts";
import { holdsSubgroups } from "./subgroup_canary.ts";
import { SUBGROUP_MATRIX, SUBGROUP_SIZE } from "./subgroup_matrix.ts";
import type { DeviceFamily } from "./tuning.ts";

/** An implementation of WebGPU beside the platform's own. */
export interface WebGpu {
  /** What it is called. */
  readonly name: string;
  /** Its entry, as `navigator.gpu` is the platform's. */
  readonly gpu: GPU;
}

/** How to open a device. */
export interface OpenOptions {
  /** The implementation to open it on (default: the platform's own, `navigator.gpu`). */
  webGpu?: WebGpu | undefined;
  /** Which device to take where there are several (default "high-performance"). */
  device?: DeviceChoice;
  /** Which family of kernels to run (default: by the adapter); all run everywhere. */
  family?: DeviceFamily;
}

/** Features asked for; each is optional. */
export const WANTED_FEATURES = ["subgroups", "shader-f16", "timestamp-query"] as const;

/** WebGPU's entry; undefined where there is none, as in some browsers, and in all on pages that are not secure. */
function entryOf(webGpu: WebGpu | undefined): GPU | undefined {
  return webGpu ? webGpu.gpu : globalThis.navigator?.gpu;
}

/** Requests the adapter, or null where there is no driver, no WebGPU, or no such device. */
export async function requestAdapter(
  { webGpu, device = "high-performance" }: OpenOptions = {},
): Promise<GPUAdapter | null> {
  const asked = device === "cpu" ? { forceFallbackAdapter: true } : { powerPreference: device };
  return await entryOf(webGpu)?.requestAdapter(asked) ?? null;
}

/** Opens the device with the adapter's own limits and with the features it grants. Throws DeviceError without an adapter. */
export async function openAdapter(options: OpenOptions = {}): Promise<Device> {
  if (entryOf(options.webGpu) === undefined) {
    throw new DeviceError(
      "Cannot open a GPU device: there is no WebGPU here, expected Deno, or a browser with WebGPU and a page from https or localhost",
    );
  }
  const adapter = await requestAdapter(options);
  if (!adapter) {
    const [what, driver] = options.device === "cpu"
      ? ["adapter for the CPU", "a driver for it"]
      : ["adapter", "a Vulkan, Metal or DX12 driver"];
    throw new DeviceError(
      `Cannot open a GPU device: no WebGPU ${what} was found, expected ${driver} (on Debian or Ubuntu: apt-get install mesa-vulkan-drivers)`,
    );
  }
  const requiredLimits: Record<string, number> = {};
  for (const name of LIMITS) requiredLimits[name] = adapter.limits[name];
  const { info } = adapter;
  const isSoftware = info.isFallbackAdapter || /llvmpipe|swiftshader|software/i.test(info.description);
  const family = options.family ?? (isSoftware ? "cpu" : "gpu");
  const gpu = await requestDevice(adapter, requiredLimits);
  await probeExtensions(gpu);
  const fixed = info.subgroupMinSize === info.subgroupMaxSize ? info.subgroupMinSize : 0;
  const told = (gpu.features as unknown as ReadonlySet<string>).has("subgroups") ? fixed : 0;
  const subgroupSize = told > 0 && await holdsSubgroups(gpu, told) ? told : 0;
  return new Device(gpu, { info, family, subgroupSize, lavapipe: lavapipeOf(adapter), webGpu: options.webGpu?.name });
}

/**
 * Asks for all wanted features, and for subgroup matrices where they are listed, then for fewer: Deno grants `subgroups`
 * though the adapter does not list it.
 */
async function requestDevice(adapter: GPUAdapter, requiredLimits: Record<string, number>): Promise<GPUDevice> {
  const listed = WANTED_FEATURES.filter((name) => name !== "subgroups" && adapter.features.has(name));
  const own = adapter.features as unknown as ReadonlySet<string>;
  const matrices = own.has(SUBGROUP_MATRIX)
    ? [["subgroups", ...listed, ...[SUBGROUP_MATRIX, SUBGROUP_SIZE].filter((name) => own.has(name))]]
    : [];
  const attempts: string[][] = [...matrices, ["subgroups", ...listed], listed, []];
  let last: unknown;
  for (const features of attempts) {
    try {
      return await adapter.requestDevice({ requiredFeatures: features as GPUFeatureName[], requiredLimits });
    } catch (error) {
      last = error;
    }
  }
  throw new DeviceError(`Cannot open a GPU device on "${adapter.info.description}": ${oneLine(String(last))}`);
}
