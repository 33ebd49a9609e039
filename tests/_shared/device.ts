/** One device for all tests of a file, and buffers with guard words around them. @module */
import { AssertionError } from "node:assert/strict";
import { openDevice } from "../../core/device/open_device.ts";
import { Commands } from "../../kernels/device/commands.ts";
import { Device, type LowerLimits } from "../../kernels/device/device.ts";
import { type Slice, SLICE_ALIGNMENT, subslice } from "../../kernels/device/slice.ts";

/** The device (a missing adapter fails every test that imports this) and a recorder on it. */
export const device: Device = await openDevice();
/** The shared recorder. */
export const commands: Commands = new Commands(device);

/** A recorder on the device that keeps to lower limits; what it has recorded waits for its own `submit()`. */
export function limited(limits: LowerLimits): Commands {
  const { gpu, info, family, subgroupSize } = device;
  return new Commands(new Device(gpu, { info, family, subgroupSize, limits }));
}

const GUARD = 0xdeadbeef;
const guards = new WeakMap<Slice, Slice>();

/** A buffer holding `data` (or that many f32 filled with a marker), with 256 guard bytes on both sides. */
export function guarded(data: Float32Array | Uint32Array | number, label = "test"): Slice {
  const content = typeof data === "number" ? new Float32Array(data).fill(-12345.5) : data;
  const after = Math.ceil(content.byteLength / SLICE_ALIGNMENT) * SLICE_ALIGNMENT - content.byteLength +
    SLICE_ALIGNMENT;
  const words = new Uint32Array((SLICE_ALIGNMENT + content.byteLength + after) / 4).fill(GUARD);
  words.set(new Uint32Array(content.buffer, content.byteOffset, content.length), SLICE_ALIGNMENT / 4);
  const whole = device.upload(words, label);
  const slice = subslice(whole, SLICE_ALIGNMENT, content.byteLength);
  guards.set(slice, whole);
  return slice;
}

/** Submits what was recorded and reads a guarded buffer as f32; throws where a guard word was overwritten. */
export async function readF32(slice: Slice): Promise<Float32Array<ArrayBuffer>> {
  return new Float32Array((await readGuarded(slice)).buffer);
}

/** As {@linkcode readF32}, as u32. */
export async function readU32(slice: Slice): Promise<Uint32Array<ArrayBuffer>> {
  return await readGuarded(slice);
}

async function readGuarded(slice: Slice): Promise<Uint32Array<ArrayBuffer>> {
  commands.submit();
  const whole = guards.get(slice);
  if (!whole) return new Uint32Array(await device.read(slice));
  const words = new Uint32Array(await device.read(whole));
  const from = SLICE_ALIGNMENT / 4;
  const to = from + slice.size / 4;
  for (let i = 0; i < words.length; i++) {
    if ((i < from || i >= to) && words[i] !== GUARD) {
      throw new AssertionError({
        message: `guard word ${i - from} of "${slice.buffer.label}" (length ${to - from}) was overwritten`,
      });
    }
  }
  return words.slice(from, to);
}

/** Frees guarded buffers. */
export function release(...slices: Slice[]): void {
  for (const slice of slices) device.free(guards.get(slice) ?? slice);
}

/** Deterministic standard-normal-like numbers for inputs (sum of uniforms), f32. */
export function randomF32(length: number, seed: number, scale = 1): Float32Array<ArrayBuffer> {
  let state = (seed * 2654435761 + 1) >>> 0;
  const next = (): number => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 4294967296;
  };
  const out = new Float32Array(length);
  for (let i = 0; i < length; i++) out[i] = (next() + next() + next() + next() - 2) * 1.7320508 * scale;
  return out;
}
