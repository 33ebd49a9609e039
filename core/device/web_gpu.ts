/** Which implementation of WebGPU a device is opened on. @module */
import { type OpenOptions, requestAdapter, type WebGpu } from "../../kernels/device/adapter.ts";
import type { WebGpuChoice } from "../config/choices.ts";
import { openDawn } from "./dawn.ts";

/**
 * The implementation that a choice means; undefined: the platform's own. For `auto` it is Dawn where its file is there, may
 * be loaded and has such a device. Throws a UserError for `dawn` where it cannot be opened.
 */
export async function webGpuFor(
  choice: WebGpuChoice,
  options: Pick<OpenOptions, "device">,
): Promise<WebGpu | undefined> {
  if (choice === "deno") return undefined;
  if (choice === "dawn") return openDawn();
  try {
    const webGpu = openDawn();
    return await requestAdapter({ ...options, webGpu }) === null ? undefined : webGpu;
  } catch {
    return undefined;
  }
}
