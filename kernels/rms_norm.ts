/** RMSNorm over rows. @module */
import source from "./rms_norm.wgsl" with { type: "text" };
import { type Commands, grid } from "./device/commands.ts";
import type { Slice } from "./device/device.ts";
import { defineKernel } from "./device/kernel.ts";

const forward = defineKernel({
  name: "rms_norm",
  code: source,
  bindings: { y: "readWrite", inv_rms: "readWrite", x: "read", weight: "read" },
  uniforms: { rows: "u32", columns: "u32", eps: "f32" },
});

/** Buffers and sizes of {@linkcode rmsNorm}. */
export interface RmsNorm {
  /** Output, overwritten: f32 [rows, columns]. */
  y: Slice;
  /** Saved for backward, overwritten: f32 [rows]. */
  invRms: Slice;
  /** f32 [rows, columns]. */
  x: Slice;
  /** f32 [columns]. */
  weight: Slice;
  rows: number;
  columns: number;
  eps: number;
}

/** Records y = x / rms(x) · weight, row by row (Zhang & Sennrich 2019). */
export function rmsNorm(commands: Commands, { y, invRms, x, weight, rows, columns, eps }: RmsNorm): void {
  commands.dispatch(forward, {
    buffers: { y, inv_rms: invRms, x, weight },
    uniforms: { rows, columns, eps },
    workgroups: grid(commands.device, rows),
    constants: { LANES: commands.device.rowLanes },
  });
}
