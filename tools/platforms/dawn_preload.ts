/** Puts Dawn in the place of Deno's own WebGPU, for tests: `deno test --preload`. @module */
import { createDawn, dawnFile } from "../../core/device/dawn.ts";

Object.defineProperty(navigator, "gpu", { value: createDawn(dawnFile() ?? ""), configurable: true });
