/** `dnpo doctor`. @module */
import { openDevice } from "../../core/device/open_device.ts";
import { wantedDevice } from "../../core/device/run_device.ts";
import { type CachedTuning, kernelCacheFolder, readCachedTuning } from "../../core/device/tuning_cache.ts";
import { WANTED_FEATURES } from "../../kernels/device/adapter.ts";
import type { Device } from "../../kernels/device/device.ts";
import { DeviceError } from "../../kernels/device/device_error.ts";
import { classOf } from "../../kernels/tune.ts";
import { sayText } from "../print.ts";

const MIB = 1024 * 1024;

/** Prints adapter, driver, limits, features asked for and granted, and what is missing; 1 if there is no adapter. */
export async function doctor(): Promise<number> {
  sayText(`deno        ${Deno.version.deno} (${Deno.build.target})`);
  let device: Device;
  try {
    device = await openDevice(await wantedDevice({ autotune: true }));
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    sayText("adapter     none", `missing     a WebGPU adapter: ${error.message}`);
    return 1;
  }
  sayText(...describeDevice(device), ...describeTuning(await readCachedTuning(device), kernelCacheFolder()));
  device.destroy();
  return 0;
}

/** The lines about an opened device. */
function describeDevice({ info, family, features, limits, subgroupSize }: Device): string[] {
  const size = (bytes: number): string => bytes >= MIB ? `${Math.floor(bytes / MIB)} MiB` : `${bytes} bytes`;
  const missing = WANTED_FEATURES.filter((name) => !features.has(name));
  return [
    `adapter     ${info.description || info.device || "unnamed"}`,
    `vendor      ${info.vendor || "unknown"}${info.architecture ? `, ${info.architecture}` : ""}`,
    `kernels     ${family === "cpu" ? "for the CPU (no GPU is used)" : "for a GPU"}`,
    `subgroups   ${subgroupSize > 0 ? `${subgroupSize} lanes` : "not used"}`,
    `buffer      ${size(limits.maxBufferSize)} at most, ${size(limits.maxStorageBufferBindingSize)} in one binding`,
    `workgroup   ${limits.maxComputeInvocationsPerWorkgroup} invocations, ${
      size(limits.maxComputeWorkgroupStorageSize)
    } of shared memory`,
    `bindings    ${limits.maxStorageBuffersPerShaderStage} storage buffers per kernel`,
    `asked for   ${WANTED_FEATURES.join(", ")}`,
    `granted     ${WANTED_FEATURES.filter((name) => features.has(name)).join(", ") || "none of them"}`,
    `missing     ${missing.length > 0 ? `${missing.join(", ")} (slower without, the same results)` : "nothing"}`,
  ];
}

/** The lines about the kernel variants that a run would begin with. */
export function describeTuning(cached: CachedTuning | null, folder: string | null): string[] {
  if (cached === null) {
    const keeps = folder === null ? "there is no cache folder to keep a choice in" : "dnpo tune measures";
    return [`variants    the fixed default (${keeps})`];
  }
  const { tuning, measurements, date, path } = cached;
  const chosen = measurements.filter((one) => one.chosen && tuning.tiles[classOf(one)] === one.variant);
  return [
    `variants    measured on ${date.slice(0, 10)}, in ${path}`,
    ...chosen.map((one) =>
      `            ${one.mode} ${one.sizes.join("x")}: ${one.variant}, ${one.gflops.toFixed(1)} GFLOP/s`
    ),
  ];
}
