import { deepEqual, equal } from "node:assert/strict";
import { openAdapter } from "../../../kernels/device/adapter.ts";
import { Commands } from "../../../kernels/device/commands.ts";
import type { Device } from "../../../kernels/device/device.ts";
import { defineKernel } from "../../../kernels/device/kernel.ts";
import { Pace } from "../../../kernels/device/pace.ts";
import { scratchBuffer } from "../../../kernels/device/scratch.ts";
import { imagesOf } from "../../../kernels/device/scratch_image.ts";
import { type Slice, subslice } from "../../../kernels/device/slice.ts";

const twice = defineKernel({
  name: "twice",
  code: [{
    name: "twice.wgsl",
    text: `@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(1)
fn main() {
  x[0] *= 2.0;
}
`,
  }],
  bindings: { x: "readWrite" },
  uniforms: {},
});

Deno.test("Commands gives back what it kept when it is disposed of, and what it submitted goes on", async () => {
  using device = await openAdapter();
  const x = device.upload(Float32Array.of(3), "x");
  let disposed = 0;
  {
    using commands = new Commands(device);
    commands.onRelease(() => disposed++);
    commands.dispatch(twice, { buffers: { x }, uniforms: {}, workgroups: [1] });
    commands.submit();
    equal(commands.bindGroupCount, 1);
    equal(disposed, 0);
    commands[Symbol.dispose]();
    equal(commands.bindGroupCount, 0);
  }
  equal(disposed, 1);
  equal(new Float32Array(await device.read(x))[0], 6);
});

Deno.test("Commands.release() frees scratch buffers and images, which the next calls that need them make anew", async () => {
  using device = await openAdapter();
  using commands = new Commands(device);
  const x = device.upload(Float32Array.of(1, 2, 3, 4), "x");
  const held = device.bytes;
  const keep = (): number => {
    scratchBuffer(commands, { name: "sums", bytes: 256 });
    imagesOf(commands, { a: { slice: x, bytes: 16, format: "rgba32float" } });
    return device.bytes;
  };
  const kept = keep();
  equal(keep(), kept);
  commands.release();
  equal(device.bytes, held);
  commands.dispatch(twice, { buffers: { x }, uniforms: {}, workgroups: [1] });
  equal(keep(), kept);
  equal(new Float32Array(await device.read(x))[0], 1, "what is recorded waits for its submit");
  commands.release();
  equal(new Float32Array(await device.read(x))[0], 2);
  await device.check();
});

/** A recorder on a device whose clock stands still, with a buffer that holds 1. */
async function recorder(budget: number): Promise<{ commands: Commands; x: Slice; device: Device }> {
  const device = await openAdapter();
  device.pace = new Pace(() => 0);
  device.pace.budget = budget;
  return { commands: new Commands(device), x: device.upload(Float32Array.of(1), "x"), device };
}

Deno.test("Commands.announce() submits before the work that would make a submission too long, and never without need", async () => {
  const { commands, x, device } = await recorder(2.5);
  using _ = device;
  const record = (seconds: number): number => {
    commands.announce("forward", seconds * 1e10);
    commands.dispatch(twice, { buffers: { x }, uniforms: {}, workgroups: [1] });
    return commands.submitCount;
  };
  deepEqual([1, 1, 1, 1, 9, 1].map(record), [0, 0, 1, 1, 2, 3]);
  commands.submit();
  deepEqual([2, 0.25, 0.25, 0.25].map(record), [4, 4, 4, 5], "what was submitted does not count any more");
  commands.submit();
  equal(new Float32Array(await device.read(x))[0], 2 ** 10);
});

Deno.test("Commands.repeatable() leaves off where a submission would become too long, and goes on in the next one", async () => {
  for (const [budget, submits, calls] of [[100, 1, 1], [2.5, 4, 4], [1.5, 7, 7], [0.5, 14, 7]] as const) {
    const { commands, x, device } = await recorder(budget);
    using _ = device;
    let called = 0;
    const work = commands.repeatable(() => {
      called++;
      for (let i = 0; i < 2; i++) {
        commands.announce("decode", 0.5e10);
        commands.dispatch(twice, { buffers: { x }, uniforms: {}, workgroups: [1] });
      }
    });
    for (let i = 0; i < 7; i++) work();
    commands.submit();
    equal(new Float32Array(await device.read(x))[0], 2 ** 14);
    deepEqual([commands.submitCount, called], [submits, calls], `${budget} s`);
  }
});

Deno.test("a wait for the device teaches its pace, unless much is read", async () => {
  const foreseen = async (wait: (device: Device, x: Slice) => Promise<unknown>): Promise<number> => {
    using device = await openAdapter();
    using commands = new Commands(device);
    const x = device.alloc(2 ** 21, "x");
    for (let i = 0; i < 2; i++) {
      // Of the first wait, in whose time the kernel was compiled, a bound is learned too.
      commands.announce("forward", 1e13);
      commands.dispatch(twice, { buffers: { x }, uniforms: {}, workgroups: [1] });
      commands.submit();
      await wait(device, x);
    }
    return device.pace.secondsOf("forward", 1e13);
  };
  equal(await foreseen((device, x) => device.read(x)), 1000);
  equal(await foreseen((device, x) => device.read(subslice(x, 0, 4))) < 100, true);
  equal(await foreseen((device) => device.sync()) < 100, true);
});
