import { deepStrictEqual, equal, ok, throws } from "node:assert/strict";
import { cutShards, heldShards } from "../../../core/cluster/shards.ts";
import { randomNumbers } from "./_ranks.ts";

Deno.test("the longest row goes first, each to the shard with the fewest tokens, ties to the lowest", () => {
  // 9 → 0; 7 → 1; 5 → 1 has 7, 0 has 9: to 2; 5 → 3; 4 → 2 (5, tie with 3); 4 → 3; 1 → 1 (7).
  deepStrictEqual(cutShards([4, 9, 5, 4, 7, 5, 1], 4), [[1], [4, 6], [0, 2], [3, 5]]);
  deepStrictEqual(cutShards([3, 3, 3, 3], 2), [[0, 2], [1, 3]]);
  deepStrictEqual(cutShards([], 2), [[], []]);
  deepStrictEqual(cutShards([8], 2), [[0], []]);
  deepStrictEqual(cutShards([1, 2, 3], 1), [[0, 1, 2]]);
});

Deno.test("every row is in one shard, and no shard is more than a row above the mean", () => {
  const random = randomNumbers(7);
  for (let trial = 0; trial < 200; trial++) {
    const tokens = Array.from({ length: Math.floor(random() * 60) }, () => 1 + Math.floor(random() * 500));
    const count = 2 ** Math.floor(random() * 6);
    const shards = cutShards(tokens, count);
    equal(shards.length, count);
    deepStrictEqual(shards.flat().sort((a, b) => a - b), tokens.map((_, row) => row));
    const mean = tokens.reduce((sum, n) => sum + n, 0) / count;
    for (const rows of shards) {
      deepStrictEqual(rows, rows.toSorted((a, b) => a - b));
      ok(rows.reduce((sum, row) => sum + tokens[row]!, 0) <= mean + Math.max(0, ...tokens));
    }
  }
});

Deno.test("ranks hold aligned shards, all of them once", () => {
  for (let shards = 1; shards <= 64; shards *= 2) {
    for (let size = 1; size <= shards; size *= 2) {
      const held = Array.from({ length: size }, (_, rank) => heldShards(shards, { rank, size }));
      deepStrictEqual(
        held.flatMap(({ first, count }) => Array.from({ length: count }, (_, i) => first + i)),
        Array.from({ length: shards }, (_, i) => i),
      );
      for (const { first, count } of held) equal(first % count, 0);
    }
  }
});

Deno.test("ranks that do not divide the shards are refused", () => {
  throws(() => heldShards(4, { rank: 0, size: 3 }), {
    name: "UserError",
    message: "Cannot deal 4 shards of distributed.shards to 3 ranks, expected 1, 2, 4 ranks",
  });
  throws(() => heldShards(4, { rank: 0, size: 8 }), { name: "UserError" });
  throws(() => heldShards(6, { rank: 0, size: 2 }), {
    name: "UserError",
    message: "Cannot cut a step into 6 shards, expected a power of two",
  });
});
