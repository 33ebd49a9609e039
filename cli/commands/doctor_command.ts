/** `dnpo doctor`. @module */
import { DEVICE_CHOICES, type WebGpuChoice } from "../../core/config/choices.ts";
import { DAWN_REMEDY, dawnFile } from "../../core/device/dawn.ts";
import { openDevice } from "../../core/device/open_device.ts";
import { type CachedTuning, kernelCacheFolder, readCachedTuning } from "../../core/device/tuning_cache.ts";
import { type WantedDevice, wantedDevice } from "../../core/device/wanted_device.ts";
import { UserError } from "../../core/error.ts";
import { WANTED_FEATURES } from "../../kernels/device/adapter.ts";
import type { Device } from "../../kernels/device/device.ts";
import { DeviceError } from "../../kernels/device/device_error.ts";
import { compilesSlowly, type Lavapipe } from "../../kernels/device/lavapipe.ts";
import { classOf } from "../../kernels/tune.ts";
import { sayText, tell } from "../print.ts";
import { launchedAlone } from "./_launched_alone.ts";

const MIB = 1024 * 1024;

/** The implementations of WebGPU, by their choice. */
const WEBGPUS = { deno: "Deno's own", dawn: "Dawn" } as const satisfies Partial<Record<WebGpuChoice, string>>;

/**
 * Prints of each WebGPU its adapter, driver, limits, features asked for and granted, and what is missing; 1 if the one that
 * runs take has no adapter.
 */
export async function doctor(): Promise<number> {
  tell(...launchedAlone());
  const wanted = await wantedDevice();
  sayText(`deno        ${Deno.version.deno} (${Deno.build.target})`);
  const taken = await openOrSay(wanted);
  const isDawn = taken instanceof Error ? wanted.webgpu === "dawn" : taken.webGpu !== undefined;
  for (const webgpu of ["deno", "dawn"] as const) {
    const isTaken = (webgpu === "dawn") === isDawn;
    sayText("", `webgpu      ${WEBGPUS[webgpu]}${isTaken ? `, which runs take (${wanted.webgpu})` : ""}`);
    if (webgpu === "dawn" && !isTaken && dawnFile() === null) {
      sayText(`missing     DNPO_DAWN names no file, ${DAWN_REMEDY}`);
      continue;
    }
    const device = isTaken ? taken : await openOrSay({ ...wanted, webgpu });
    if (device instanceof Error) {
      sayText("adapter     none", `missing     a WebGPU adapter: ${device.message}`);
      continue;
    }
    sayText(...await describeChoices({ ...wanted, webgpu }, device), ...describeDevice(device));
    sayText(...describeTuning(await readCachedTuning(device), kernelCacheFolder()));
    device.destroy();
  }
  return taken instanceof Error ? 1 : 0;
}

/** The device, or why it cannot be opened. */
async function openOrSay(wanted: WantedDevice): Promise<Device | DeviceError | UserError> {
  try {
    return await openDevice(wanted);
  } catch (error) {
    if (error instanceof DeviceError || error instanceof UserError) return error;
    throw error;
  }
}

/** A line for each choice of a device: which one it takes. */
async function describeChoices(wanted: WantedDevice, taken: Device): Promise<string[]> {
  const lines: string[] = [];
  for (const choice of DEVICE_CHOICES) {
    const isTaken = choice === wanted.device;
    const device = isTaken ? taken : await openOrSay({ ...wanted, device: choice });
    const what = device instanceof Error ? "none" : device.info.description || device.info.device || "unnamed";
    if (!isTaken && !(device instanceof Error)) device.destroy();
    lines.push(`device      ${choice}: ${what}${isTaken ? " (taken)" : ""}`);
  }
  return lines;
}

/** The lines about an opened device. */
export function describeDevice({ info, family, features, limits, subgroupSize, lavapipe, matrix }: Device): string[] {
  const size = (bytes: number): string => bytes >= MIB ? `${Math.floor(bytes / MIB)} MiB` : `${bytes} bytes`;
  const missing = WANTED_FEATURES.filter((name) => !features.has(name));
  return [
    `adapter     ${info.description || info.device || "unnamed"}`,
    `vendor      ${info.vendor || "unknown"}${info.architecture ? `, ${info.architecture}` : ""}`,
    ...lavapipe === null ? [] : [`driver      ${describeLavapipe(lavapipe)}`],
    `kernels     ${family === "cpu" ? "for the CPU (no GPU is used)" : "for a GPU"}`,
    `subgroups   ${subgroupSize > 0 ? `${subgroupSize} lanes` : "not used"}`,
    `matrices    ${
      matrix
        ? `${matrix.m}x${matrix.n}x${matrix.k} in float16, ${matrix.lanes} lanes (training.precision may be float32x3 or float16)`
        : "not granted (training.precision is float32)"
    }`,
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

/** What is known of a driver for CPUs. */
function describeLavapipe(lavapipe: Lavapipe): string {
  const like = `lavapipe, like Mesa ${lavapipe}'s`;
  return compilesSlowly(lavapipe)
    ? `${like}, which compiles kernels 5 to 10 times as slowly as Mesa 22 or 26: take one of those (docs/platforms.md)`
    : like;
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
