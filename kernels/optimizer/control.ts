/** The records on the device that gate an optimizer's updates, one for each parameter group. @module */
import structSource from "./control.wgsl" with { type: "text" };
import type { Device } from "../device/device.ts";
import { type Slice, SLICE_ALIGNMENT, subslice } from "../device/slice.ts";
import type { SourcePart } from "../device/source.ts";

/** Declares the record in WGSL. */
export const CONTROL: SourcePart = { name: "kernels/optimizer/control.wgsl", text: structSource };

/** Bytes from one group's record to the next; each is a slice of its own. */
const STRIDE = SLICE_ALIGNMENT;
const WORDS = 8;

/** The value of `first_bad_step` if there was none. */
const NONE = 0xffffffff;

/** One group's record. */
export interface Control {
  /** Factor of the gradients, from clipping. */
  factor: number;
  /** L2 norm of the gradients, before clipping. */
  norm: number;
  /** Whether the update is made. */
  apply: boolean;
  /** Adam's step: updates made so far. */
  t: number;
  /** First step whose norm or loss was not finite. */
  firstBadStep: number | undefined;
  /** Number of such steps. */
  badCount: number;
}

/** Allocates the records of `groups` parameter groups, in their state before the first step. */
export function allocControls(device: Device, groups: number): Slice {
  const controls = device.alloc(groups * STRIDE, "controls");
  for (let i = 0; i < groups; i++) writeControl(device, controlOf(controls, i), { t: 0, badCount: 0 });
  return controls;
}

/** The record of one group. */
export function controlOf(controls: Slice, group: number): Slice {
  return subslice(controls, group * STRIDE, STRIDE);
}

/** Writes the fields of a record that a resumed run needs; every step writes the others anew. */
export function writeControl(
  device: Device,
  control: Slice,
  { t, firstBadStep = NONE, badCount }: { t: number; firstBadStep?: number | undefined; badCount: number },
): void {
  const words = new Uint32Array(WORDS);
  words[3] = t;
  words[6] = firstBadStep;
  words[7] = badCount;
  device.write(control, words);
}

/** Reads a record from the bytes of {@linkcode controlOf}. */
export function parseControl(bytes: ArrayBuffer): Control {
  const floats = new Float32Array(bytes);
  const words = new Uint32Array(bytes);
  return {
    factor: floats[0]!,
    norm: floats[1]!,
    apply: words[2] === 1,
    t: words[3]!,
    firstBadStep: words[6] === NONE ? undefined : words[6],
    badCount: words[7]!,
  };
}
