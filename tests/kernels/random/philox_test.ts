import assert from "node:assert/strict";
import { grid } from "../../../kernels/device/commands.ts";
import { defineKernel } from "../../../kernels/device/kernel.ts";
import type { SourcePart } from "../../../kernels/device/source.ts";
import { boxMuller, normal4, PHILOX, philox4x32, uniform, type Words4 } from "../../../kernels/random/philox.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { commands, device, guarded, readF32, readU32, release } from "../../_shared/device.ts";

const SHARED = `
struct Params {
  count: u32,
  key0: u32,
  key1: u32,
}
@group(0) @binding(1) var<storage, read> x: array<vec4u>;
@group(0) @binding(2) var<uniform> p: Params;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let i = (group.x + group.y * groups.x) * 64u + local.x;
  if (i >= p.count) {
    return;
  }
`;
const uniforms = { count: "u32", key0: "u32", key1: "u32" } as const;
const code = (text: string): SourcePart[] => [
  PHILOX,
  { name: "philox_test.ts", text: `// before: random/philox.wgsl\n${text}` },
];
const words = defineKernel({
  name: "philox_words_test",
  code: code(`
@group(0) @binding(0) var<storage, read_write> y: array<vec4u>;
${SHARED} y[i] = philox4x32(x[i], vec2u(p.key0, p.key1)); }`),
  bindings: { y: "readWrite", x: "read" },
  uniforms,
});
const gaussians = defineKernel({
  name: "box_muller_test",
  code: code(`
@group(0) @binding(0) var<storage, read_write> y: array<vec4f>;
${SHARED} y[i] = box_muller(x[i]); }`),
  bindings: { y: "readWrite", x: "read" },
  uniforms,
});
const drawn = defineKernel({
  name: "normal4_test",
  code: code(`
@group(0) @binding(0) var<storage, read_write> y: array<vec4f>;
${SHARED} y[i] = normal4(x[i], vec2u(p.key0, p.key1)); }`),
  bindings: { y: "readWrite", x: "read" },
  uniforms,
});

type Case = { counter: Words4; key: [number, number]; words: Words4 };
const ones = 0xffffffff;
/** Key (42, 3), counters (0, 5, 7, 1) and (1, 5, 7, 1), from a Python program with integers of any size. */
const golden = [
  0.7935739770251227,
  -1.8676964016474402,
  0.41015893545758514,
  0.9509613516753279,
  0.967503665796316,
  0.016231446085988612,
  0.18709372295184162,
  -0.5514551708654816,
];
/** Random123's known answers for philox4x32-10. */
const known: Case[] = [
  { counter: [0, 0, 0, 0], key: [0, 0], words: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
  { counter: [ones, ones, ones, ones], key: [ones, ones], words: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd] },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    words: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
];

/** Runs a test kernel over blocks of four words. */
function run(
  kernel: typeof words | typeof gaussians,
  x: Uint32Array<ArrayBuffer>,
  key: readonly [number, number] = [0, 0],
): { y: ReturnType<typeof guarded>; free: () => void } {
  const buffers = { y: guarded(x.length), x: guarded(x) };
  const count = x.length / 4;
  commands.dispatch(kernel, {
    buffers,
    uniforms: { count, key0: key[0], key1: key[1] },
    workgroups: grid(device, Math.ceil(count / 64)),
  });
  return { y: buffers.y, free: () => release(buffers.y, buffers.x) };
}

/** Share of draws off by more than 1e-5, and the worst error, of the device's normals from these words. */
async function errors(x: Uint32Array<ArrayBuffer>): Promise<{ share: number; worst: number }> {
  const { y, free } = run(gaussians, x);
  const got = await readF32(y);
  free();
  let over = 0;
  let worst = 0;
  for (let i = 0; i < x.length; i += 4) {
    const want = boxMuller([x[i]!, x[i + 1]!, x[i + 2]!, x[i + 3]!]);
    for (let j = 0; j < 4; j++) {
      const error = Math.abs(got[i + j]! - want[j]!);
      if (!(error <= 1e-5)) over++;
      if (!(error <= worst)) worst = error;
    }
  }
  return { share: over / x.length, worst };
}

Deno.test("philox4x32() gives Random123's known answers on the host", () => {
  for (const { counter, key, words } of known) assert.deepEqual(philox4x32(counter, key), words);
});

Deno.test("philox4x32() gives Random123's known answers on the device", async () => {
  for (const { counter, key, words: want } of known) {
    const { y, free } = run(words, Uint32Array.from(counter), key);
    assert.deepEqual([...await readU32(y)], want);
    free();
  }
});

Deno.test("philox4x32() is the same on host and device for random counters", async () => {
  const counters = new Uint32Array(4 * 1000);
  for (let i = 0; i < counters.length; i += 4) counters.set(philox4x32([i, 1, 2, 3], [4, 5]), i);
  const { y, free } = run(words, counters, [0xfedcba98, 7]);
  const got = await readU32(y);
  free();
  for (let i = 0; i < counters.length; i += 4) {
    const want = philox4x32([counters[i]!, counters[i + 1]!, counters[i + 2]!, counters[i + 3]!], [0xfedcba98, 7]);
    assert.deepEqual([...got.subarray(i, i + 4)], want);
  }
});

Deno.test("uniform() stays strictly between 0 and 1", () => {
  assert.equal(uniform(0), 2 ** -33);
  assert.equal(uniform(0xffffffff), 1 - 2 ** -33);
});

Deno.test("box_muller is within 1e-5 of float64 on two million draws", async () => {
  const x = new Uint32Array(2 ** 21);
  for (let i = 0; i < x.length; i += 4) x.set(philox4x32([i >> 2, 11, 12, 13], [14, 15]), i);
  const { share, worst } = await errors(x);
  assert.ok(share <= 1e-5, `${share} of the draws are off by more than 1e-5`);
  assert.ok(worst <= 1e-4, `worst error is ${worst}`);
});

Deno.test("box_muller is within 1e-5 of float64 at extreme words and octant borders", async () => {
  const edges = new Set<number>();
  for (let bit = 0; bit <= 32; bit++) {
    for (let d = -3; d <= 3; d++) edges.add((2 ** bit + d) >>> 0).add((2 ** 32 - 2 ** bit + d) >>> 0);
  }
  for (let octant = 0; octant < 16; octant++) {
    for (let d = -4; d <= 4; d++) edges.add((octant * 2 ** 28 + d) >>> 0);
  }
  for (const root of [Math.SQRT1_2, Math.SQRT1_2 / 2, Math.SQRT1_2 / 2 ** 9, Math.SQRT1_2 / 2 ** 20]) {
    for (let d = -300; d <= 300; d += 7) edges.add((Math.floor(root * 2 ** 32) + d) >>> 0);
  }
  const values = [...edges];
  const x: number[] = [];
  for (const a of values) for (const b of [0, 1, ones, 0x1fffffff, 0x20000000, 0xdfffffff]) x.push(a, b, b, a);
  const { share, worst } = await errors(Uint32Array.from(x));
  assert.equal(share, 0, `worst error is ${worst}`);
});

Deno.test("box_muller keeps its relative accuracy where u is next to 1, and at the smallest angle", async () => {
  const x = [ones, 0, ones - 1, 0, ones - 2, 0, ones - 100, 0, ones - 70000, 0, 0xff000000, 0];
  const { y, free } = run(gaussians, Uint32Array.from(x));
  const got = await readF32(y);
  free();
  const want = [0, 4, 8].flatMap((i) => boxMuller([x[i]!, x[i + 1]!, x[i + 2]!, x[i + 3]!]));
  assertClose(got, want, { rtol: 1e-6 });
});

Deno.test("normal4() is the same on host and device, and as in an independent float64 program", async () => {
  const key: [number, number] = [42, 3];
  const counters: Words4[] = [[0, 5, 7, 1], [1, 5, 7, 1]];
  const want = counters.flatMap((counter) => normal4(counter, key));
  const { y, free } = run(drawn, Uint32Array.from(counters.flat()), key);
  assertClose(await readF32(y), want, { atol: 1e-5 });
  free();
  assertClose(want, golden, { atol: 1e-12 });
});
