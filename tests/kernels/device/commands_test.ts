import { equal } from "node:assert/strict";
import { openAdapter } from "../../../kernels/device/adapter.ts";
import { Commands } from "../../../kernels/device/commands.ts";
import { defineKernel } from "../../../kernels/device/kernel.ts";

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
    commands.onDispose(() => disposed++);
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
