/** SwiGLU on rows whose first half is the gate and whose second half is the up projection. @module */
import forwardSource from "./swiglu.wgsl" with { type: "text" };
import backwardSource from "./swiglu_backward.wgsl" with { type: "text" };
import type { Commands } from "../device/commands.ts";
import { INVOCATION } from "../device/invocation.ts";
import type { Slice } from "../device/slice.ts";
import { byWidth, defineWidths, elementLanes } from "../vector.ts";

const forward = defineWidths({
  name: "swiglu",
  code: [INVOCATION, { name: "kernels/mlp/swiglu.wgsl", text: forwardSource }],
  bindings: { act: "readWrite", gate_up: "read" },
  uniforms: { rows: "u32", inner: "u32" },
});

const backward = defineWidths({
  name: "swiglu_backward",
  code: [INVOCATION, { name: "kernels/mlp/swiglu_backward.wgsl", text: backwardSource }],
  bindings: { dgate_up: "readWrite", gate_up: "read", dact: "read" },
  uniforms: { rows: "u32", inner: "u32" },
});

/** Buffers and sizes of {@linkcode swiglu}. */
export interface Swiglu {
  /** Output, overwritten: f32 [rows, inner]. */
  act: Slice;
  /** f32 [rows, 2·inner]: gate, then up. */
  gateUp: Slice;
  rows: number;
  inner: number;
}

/** Records act = silu(gate) · up. */
export function swiglu(commands: Commands, { act, gateUp, rows, inner }: Swiglu): void {
  const { kernel, width } = byWidth(forward, inner);
  commands.dispatch(kernel, {
    buffers: { act, gate_up: gateUp },
    uniforms: { rows, inner: inner / width },
    ...shape(commands, rows, inner / width),
  });
}

/** Buffers and sizes of {@linkcode swigluBackward}. */
export interface SwigluBackward {
  /** Output, overwritten: f32 [rows, 2·inner]. */
  dgateUp: Slice;
  /** f32 [rows, 2·inner]: gate, then up. */
  gateUp: Slice;
  /** f32 [rows, inner]. */
  dact: Slice;
  rows: number;
  inner: number;
}

/** Records the gradients of SwiGLU's gate and up. */
export function swigluBackward(commands: Commands, { dgateUp, gateUp, dact, rows, inner }: SwigluBackward): void {
  const { kernel, width } = byWidth(backward, inner);
  commands.dispatch(kernel, {
    buffers: { dgate_up: dgateUp, gate_up: gateUp, dact },
    uniforms: { rows, inner: inner / width },
    ...shape(commands, rows, inner / width),
  });
}

function shape(
  { device }: Commands,
  rows: number,
  columns: number,
): { workgroups: [number, number]; constants: { LANES: number } } {
  const lanes = elementLanes(device);
  const height = Math.min(rows, device.limits.maxComputeWorkgroupsPerDimension);
  return { workgroups: [Math.ceil(columns / lanes), height], constants: { LANES: lanes } };
}
