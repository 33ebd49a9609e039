/** Dawn, Chromium's WebGPU, as a native library of Node.js: one file, which only its own permission opens. @module */
import type { WebGpu } from "../../kernels/device/adapter.ts";
import { oneLine } from "../../kernels/device/device_error.ts";
import { UserError } from "../error.ts";

/** How a user gets the file and the permission. */
export const DAWN_REMEDY = "expected the file and the permission that `deno task dnpo:dawn` gives";

/** What is used of the library. */
interface DawnLibrary {
  create(options: readonly string[]): GPU;
}

// `Deno` and `process` are read as properties, since a browser has neither.
const platform = globalThis as {
  Deno?: { env: Deno.Env };
  process?: { dlopen(module: { exports: unknown }, path: string): void };
};

/** Each file's library. Where the object that stands for it is collected, no promise of its devices is ever settled. */
const opened = new Map<string, WebGpu>();

/** The file that `DNPO_DAWN` names; null if there is none, or the variable may not be read. */
export function dawnFile(): string | null {
  try {
    return platform.Deno?.env.get("DNPO_DAWN") || null;
  } catch {
    return null;
  }
}

/** Opens Dawn from the file that `DNPO_DAWN` names, once. Throws a UserError where there is none, or none that may be loaded. */
export function openDawn(): WebGpu {
  const path = dawnFile();
  if (path === null) throw new UserError(`Cannot open Dawn: DNPO_DAWN names no file, ${DAWN_REMEDY}`);
  let webGpu = opened.get(path);
  if (webGpu === undefined) opened.set(path, webGpu = { name: "Dawn", gpu: createDawn(path) });
  return webGpu;
}

/** Features that are not standard yet, subgroup matrices among them, are behind this. */
const UNSAFE_APIS = "enable-dawn-features=allow_unsafe_apis";

/** Loads the library and starts it with these options. Throws a UserError. */
export function createDawn(path: string, options: readonly string[] = []): GPU {
  const module: { exports: unknown } = { exports: {} };
  try {
    if (platform.process === undefined) throw new TypeError("this is no program of Deno");
    platform.process.dlopen(module, path);
  } catch (error) {
    const { name, message } = error as Error;
    const what = name === "NotCapable" ? `${path} may not be loaded` : oneLine(message);
    throw new UserError(`Cannot open Dawn: ${what}, ${DAWN_REMEDY}`);
  }
  return (module.exports as DawnLibrary).create([UNSAFE_APIS, ...options]);
}
