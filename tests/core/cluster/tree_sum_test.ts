import { deepStrictEqual, equal, rejects } from "node:assert/strict";
import { addNode, sumOwnShards } from "../../../core/cluster/tree_sum.ts";
import { shardValues } from "./_ranks.ts";

Deno.test("a rank's shards are added as the tree says, in log2(count) + 1 buffers", async () => {
  for (let count = 1; count <= 64; count *= 2) {
    let made = 0;
    const sum = await sumOwnShards<{ text: string }>({
      count,
      create: () => ({ text: `${made++}` }),
      compute: (shard, buffer) => Promise.resolve(void (buffer.text = `${shard}`)),
      add: (into, from) => {
        into.text = `(${into.text}+${from.text})`;
        from.text = "changed";
        return Promise.resolve();
      },
    });
    const tree = (first: number, size: number): string =>
      size === 1 ? `${first}` : `(${tree(first, size / 2)}+${tree(first + size / 2, size / 2)})`;
    equal(sum.text, tree(0, count));
    equal(made, Math.log2(count) + 1);
  }
});

Deno.test("a count that is no power of two is refused", async () => {
  const never = { create: () => 0, compute: () => Promise.resolve(), add: () => Promise.resolve() };
  for (const count of [0, 3, 6, -2, 1.5]) {
    await rejects(sumOwnShards({ count, ...never }), {
      name: "RangeError",
      message: `Cannot sum ${count} shards, expected a power of two`,
    });
  }
});

Deno.test("a node rounds both sides to bfloat16 and adds in float32", () => {
  // 1 + 2⁻⁸ lies between two bfloat16 and goes to the even one, 1; 3 · 2⁻⁸ above 1 goes up to 1 + 2⁻⁶.
  const into = Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8, -0, Infinity);
  addNode(into, Float32Array.of(2 ** -20, 2 ** -20, -0, 1), "bfloat16");
  deepStrictEqual(into, Float32Array.of(1 + 2 ** -20, 1 + 2 ** -6 + 2 ** -20, 0, Infinity));
});

Deno.test("a node in float32 is the sum rounded once", () => {
  const [a, b] = [shardValues(0, 1000, 9), shardValues(1, 1000, 9)];
  const expected = a.map((value, i) => Math.fround(value + b[i]!));
  addNode(a, b, "float32");
  deepStrictEqual(a, expected);
});
