import { deepEqual, throws } from "node:assert/strict";
import { defineKernel } from "../../../kernels/device/kernel.ts";
import { countAccesses } from "../../../tools/traffic/count_accesses.ts";
import { CountingCommands } from "../../../tools/traffic/counting_commands.ts";
import { device } from "../../_shared/device.ts";

const kernelOf = (body: string) =>
  defineKernel({
    name: "counted",
    code: [{
      name: "counted.wgsl",
      text: `// y[0] = x[0] is no access here.
alias V = vec4f;
struct Params { count: u32 }
@group(0) @binding(0) var<storage, read_write> y: array<V>; // [count]
@group(0) @binding(1) var<storage, read> x: array<V>; // [count]
@group(0) @binding(2) var<storage, read> at: array<u32>; // [count]
@group(0) @binding(3) var<uniform> p: Params;
fn twice(x: V) -> V { return x * 2.0; }
@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  if (i >= p.count) { return; }
  ${body}
}
`,
    }],
    bindings: { y: "readWrite", x: "read", at: "read" },
    uniforms: { count: "u32" },
  });

async function count(body: string) {
  using commands = new CountingCommands(device, { except: /^matmul/ });
  const [y, x] = [device.alloc(16 * 8, "y"), device.upload(Float32Array.from({ length: 32 }, (_, i) => i), "x")];
  const at = device.upload(Uint32Array.from({ length: 8 }, (_, i) => 7 - i), "at");
  const call = { buffers: { y, x, at }, uniforms: { count: 6 }, workgroups: [2] } as const;
  commands.dispatch(kernelOf(body), call);
  const [counted] = await commands.counted();
  const result = new Float32Array(await device.read(y));
  for (const slice of [y, x, at]) device.free(slice);
  return {
    result: [...result.subarray(0, 4)],
    bytes: counted!.accesses.map(({ binding, loadedBytes, storedBytes }) => [binding, loadedBytes, storedBytes]),
  };
}

Deno.test("countAccesses() counts loads, stores and updates of whole elements, and computes the same", async () => {
  deepEqual(await count("y[i] = twice(x[at[i]]) + x[i];"), {
    result: [56, 59, 62, 65],
    bytes: [["y", 0, 96], ["x", 192, 0], ["at", 0 + 24, 0]],
  });
  deepEqual(await count("y[i] += x[i]; if (y[i].x == x[0].x) { y[i].x = 1.0; }"), {
    result: [1, 1, 2, 3],
    bytes: [["y", 192, 112], ["x", 192, 0], ["at", 0, 0]],
  });
});

Deno.test("countAccesses() refuses an array that is pointed to", () => {
  throws(() => countAccesses(kernelOf("let q = &y; y[i] = x[i];")), {
    message: "Cannot count accesses: y is pointed to as a whole, expected an index",
  });
});
