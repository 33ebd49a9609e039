import { deepStrictEqual, throws } from "node:assert/strict";
import { addNode } from "../../../core/cluster/tree_sum.ts";
import { addGradients } from "../../../kernels/optimizer/add_gradients.ts";
import { device, limited, randomF32, readF32, release } from "../../_shared/device.ts";
import { families } from "../../_shared/families.ts";

/** Pairs of numbers at the edges: what is tiny, what cancels, what lies between two bfloat16, and what is no number. */
const EDGES: readonly (readonly [number, number])[] = [
  [2 ** -127, 2 ** -127],
  [2 ** -149, 1],
  [-(2 ** -130), 2 ** -126],
  [2 ** -126, -(1.5 * 2 ** -126)],
  [2 ** -126, 2 ** -126],
  [1 + 2 ** -8, 2 ** -20],
  [1 + 3 * 2 ** -8, 2 ** -20],
  [-1 - 2 ** -8 - 2 ** -20, 1],
  [-0, -0],
  [3.3e38, 3.3e38],
  [3.4e38, -1e30],
  [Infinity, 1],
  [-Infinity, -1],
];

function pair(count: number): [Float32Array<ArrayBuffer>, Float32Array<ArrayBuffer>] {
  const [a, b] = [randomF32(count, 1), randomF32(count, 2)];
  EDGES.forEach(([x, y], i) => [a[i], b[i]] = [x, y]);
  return [a, b];
}

for (const { family, commands } of families) {
  for (const rounded of [false, true]) {
    Deno.test(`[${family}] gradients add up to the host's bits, ${rounded ? "rounded" : "in float32"}`, async () => {
      const [a, b] = pair(1028);
      const [sums, others] = [device.upload(a, "sums"), device.upload(b, "others")];
      addGradients(commands, { sums, others, count: a.length, rounded });
      commands.submit();
      addNode(a, b, rounded ? "bfloat16" : "float32");
      deepStrictEqual(await readF32(sums), a);
      release(sums, others);
    });
  }
}

Deno.test("gradients that do not fit one binding are added window by window", async () => {
  const [a, b] = pair(1028);
  const commands = limited({ maxStorageBufferBindingSize: 1024 });
  const [sums, others] = [commands.device.upload(a, "sums"), commands.device.upload(b, "others")];
  addGradients(commands, { sums, others, count: a.length });
  commands.submit();
  addNode(a, b, "float32");
  deepStrictEqual(new Float32Array(await commands.device.read(sums)), a);
  for (const slice of [sums, others]) commands.device.free(slice);
});

Deno.test("a count that is no multiple of 4 is refused", () => {
  const slice = device.alloc(256, "few");
  throws(() => addGradients(families[0]!.commands, { sums: slice, others: slice, count: 6 }), {
    name: "RangeError",
    message: "Cannot add 6 gradients, expected a multiple of 4",
  });
  release(slice);
});
