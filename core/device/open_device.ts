/** Opens a WebGPU device, after setting the environment variables that its driver reads. @module */
import { openAdapter, type OpenOptions } from "../../kernels/device/adapter.ts";
import type { Device } from "../../kernels/device/device.ts";
import type { WebGpuChoice } from "../config/choices.ts";
import { webGpuFor } from "./web_gpu.ts";

/** How to open a device. */
export interface OpenDeviceOptions extends Omit<OpenOptions, "webGpu"> {
  /** Which WebGPU to open it on (default `deno`: the platform's own, in a browser the browser's). */
  webgpu?: WebGpuChoice;
  /**
   * Bits of lavapipe's vectors; null is the driver's own width (default: the environment's `LP_NATIVE_VECTOR_WIDTH`).
   * Only the process's first request of an adapter heeds it.
   */
  vectorWidth?: number | null;
}

// `Deno` is read as a property, since a browser has no environment, and needs none.
const environment = (globalThis as { Deno?: { env: Deno.Env } }).Deno?.env;

/**
 * Opens the machine's device with the adapter's own limits and with the features it grants. Throws DeviceError if there
 * is no adapter, and UserError if `webgpu` is `dawn` and that cannot be opened.
 *
 * @example
 * ```ts
 * import { openDevice } from "@dnpo/dnpo/engine";
 * import assert from "node:assert/strict";
 *
 * using device = await openDevice();
 * assert.ok(device.limits.maxBufferSize > 0, device.name);
 * ```
 */
export async function openDevice(
  { vectorWidth, webgpu = "deno", ...options }: OpenDeviceOptions = {},
): Promise<Device> {
  prepareDriver(vectorWidth);
  return await openAdapter({ ...options, webGpu: await webGpuFor(webgpu, options) });
}

/** Sets the variables that a driver reads when it is loaded, which is at the first request of an adapter. */
function prepareDriver(vectorWidth: number | null | undefined): void {
  if (environment === undefined) return;
  if (vectorWidth !== undefined) {
    try {
      if (vectorWidth === null) environment.delete("LP_NATIVE_VECTOR_WIDTH");
      else environment.set("LP_NATIVE_VECTOR_WIDTH", String(vectorWidth));
    } catch {
      // Without the permission, the driver's own width is used.
    }
  }
  try {
    // Mesa complains on stderr about a missing XDG_RUNTIME_DIR, though nothing here needs one.
    if (!environment.get("XDG_RUNTIME_DIR")) environment.set("XDG_RUNTIME_DIR", "/tmp");
  } catch {
    // Without the permission, the defaults are used.
  }
}
