/** Uniform numbers drawn on the device, with the bits that the host's float64 would give them. @module */
import source from "./uniform_fill.wgsl" with { type: "text" };
import { type Commands, grid } from "../device/commands.ts";
import { INVOCATION } from "../device/invocation.ts";
import { defineKernel } from "../device/kernel.ts";
import type { Slice } from "../device/slice.ts";
import { elementLanes } from "../vector.ts";
import { windowOf, windows } from "../window.ts";
import { PHILOX } from "./philox.ts";

const fill = defineKernel({
  name: "uniform_fill",
  code: [PHILOX, INVOCATION, { name: "kernels/random/uniform_fill.wgsl", text: source }],
  bindings: { out: "readWrite" },
  uniforms: {
    count: "u32",
    first: "u32",
    skip: "u32",
    key0: "u32",
    key1: "u32",
    mantissa_low: "u32",
    mantissa_high: "u32",
    exponent: "i32",
  },
});

/** Buffers and numbers of {@linkcode uniformFill}. */
export interface UniformFill {
  /** Overwritten: f32 [count], of any size. */
  out: Slice;
  count: number;
  /** Index of the first number among those of the key. */
  first: number;
  /** Philox's key. */
  key: readonly [number, number];
  /** A float64 from 2⁻⁶⁰ to 2⁶⁰. */
  bound: number;
}

/**
 * Records out[i] = (2u − 1) · bound, where u = (x + 0.5) · 2⁻³² and x is word j & 3 of Philox at counter
 * (j >> 2, 0, 0, 0), j = first + i. Computed in integers, so that every device has the bits of
 * `Math.fround((2 * u - 1) * bound)`. Throws RangeError for another bound.
 */
export function uniformFill(commands: Commands, { out, count, first, key, bound }: UniformFill): void {
  const lanes = elementLanes(commands.device);
  const parts = float64Parts(bound);
  for (const window of windows(commands.device, count, { rowBytes: 4, of: out })) {
    const at = first + window.first;
    const skip = at % 4;
    commands.dispatch(fill, {
      buffers: { out: windowOf(out, window, 4) },
      uniforms: { count: window.rows, first: Math.floor(at / 4), skip, key0: key[0], key1: key[1], ...parts },
      workgroups: grid(commands.device, Math.ceil((skip + window.rows) / 4 / lanes)),
      constants: { LANES: lanes },
    });
  }
}

/** A positive float64 as an integer of 53 bits, in two words, and a power of two. */
function float64Parts(value: number): { mantissa_low: number; mantissa_high: number; exponent: number } {
  if (!(value >= 2 ** -60 && value <= 2 ** 60)) {
    throw new RangeError(`Cannot draw uniform numbers: bound is ${value}, expected 2^-60 to 2^60`);
  }
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const high = view.getUint32(0);
  return {
    mantissa_low: view.getUint32(4),
    mantissa_high: (high & 0xfffff) + 0x100000,
    exponent: (high >>> 20) - 1075,
  };
}
