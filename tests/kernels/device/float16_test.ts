/** Rounding to float16's eleven bits, where numbers are no ordinary ones. */
import { deepEqual } from "node:assert/strict";
import { FLOAT16 } from "../../../kernels/device/float16.ts";
import { defineKernel } from "../../../kernels/device/kernel.ts";
import { commands, guarded, readU32, release } from "../../_shared/device.ts";

const kernel = defineKernel({
  name: "eleven bits",
  code: [FLOAT16, {
    name: "float16_test",
    text: `// before: device/float16.wgsl
@group(0) @binding(0) var<storage, read_write> y: array<vec4u>;
@group(0) @binding(1) var<storage, read> x: array<vec4u>;
@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
  y[id.x] = bitcast<vec4u>(eleven_bits(bitcast<vec4f>(x[id.x])));
}`,
  }],
  bindings: { y: "readWrite", x: "read" },
  uniforms: {},
});

Deno.test("eleven_bits() rounds ties to even, and leaves what is not finite so, whatever bits a device's NaN has", async () => {
  const cases: readonly (readonly [number, number])[] = [
    // Ties, below, and above them, of both signs; a carry into the exponent.
    [0x3f801000, 0x3f800000],
    [0x3f803000, 0x3f804000],
    [0x3f801001, 0x3f802000],
    [0xbf800fff, 0xbf800000],
    [0x3fffffff, 0x40000000],
    [0x00000000, 0x00000000],
    [0x80000000, 0x80000000],
    // Infinities, and the NaN of x86, of the standard, and of NVIDIA.
    [0x7f800000, 0x7f800000],
    [0xff800000, 0xff800000],
    [0xffc00000, 0xffc00000],
    [0x7fc00000, 0x7fc00000],
    [0x7fffffff, 0x7fc00000],
  ];
  const x = guarded(Uint32Array.from(cases, ([bits]) => bits), "x");
  const y = guarded(new Uint32Array(cases.length), "y");
  commands.dispatch(kernel, { buffers: { y, x }, uniforms: {}, workgroups: [cases.length / 4] });
  commands.submit();
  deepEqual(Array.from(await readU32(y)), cases.map(([, rounded]) => rounded));
  release(x, y);
});
