import assert from "node:assert/strict";
import { walkParts } from "../../../kernels/attention/walk_parts.ts";
import { backwardParts, checkForward } from "../../../kernels/attention/walk_rounds.ts";
import { type Case, inputs, run } from "./_attention_run.ts";

Deno.test("walkParts() takes each block of each member once and in order, in no more rounds than granted", () => {
  for (const [blocks, members, rounds] of [[1, 1, 4], [31, 4, 70], [31, 4, 20], [31, 3, 34], [7, 1, 65_535]] as const) {
    const visited: [number, number][] = [];
    for (const part of walkParts({ blocks, members, rounds })) {
      let taken = 1;
      for (let member = part.first_member; member < part.end_member; member++) {
        taken += 2 + part.end - part.first;
        for (let block = part.first; block < part.end; block++) visited.push([member, block]);
      }
      assert.ok(taken <= rounds, `${taken} of ${rounds}`);
    }
    const all = Array.from({ length: blocks * members }, (_, i) => [Math.floor(i / blocks), i % blocks]);
    assert.deepEqual(visited, all);
  }
});

Deno.test("backwardParts() cuts for the longest row, not for all rows of a batch", () => {
  const cpu = { family: "cpu", lavapipe: 22 } as const;
  const batch = { tokens: 40_000, tileCount: 5000, heads: 14, kvHeads: 2, headDim: 64, lanes: 8, tile: 8 };
  assert.equal(backwardParts(cpu, { ...batch, longest: 1000 }), null);
  assert.ok(backwardParts(cpu, batch)!.keys.length > 1);
  checkForward(cpu, { ...batch, lanes: 0, longest: 500 });
  const many = { ...batch, lanes: 0, tokens: 4_000_000, tileCount: 500_000 };
  assert.throws(() => checkForward(cpu, many), /Cannot dispatch "attention": 4000000 tokens, expected at most/);
});

Deno.test("attentionBackward() gives the same bits in parts, of some query heads or of some blocks", async () => {
  const one: Case = { rows: [[9, 4, 30], [70], [5]], heads: 4, kvHeads: 1, headDim: 8, window: 40 };
  const data = inputs(one);
  const whole = await run(one, { ...data, family: "cpu" });
  for (const rounds of [70, 20]) {
    assert.deepEqual(await run(one, { ...data, family: "cpu", rounds }), whole, `${rounds}`);
  }
});

Deno.test("attentionBackward() gives the same bits where one dispatch's loops would end early on a CPU", async () => {
  // 3,800 query heads walk over 16 blocks each, or 32 with fewer lanes: 68,400 rounds or more.
  const one: Case = { rows: [[64]], heads: 3800, kvHeads: 1, headDim: 8 };
  const data = inputs(one);
  const { dqkv } = await run(one, { ...data, family: "cpu" });
  const parts = await run(one, { ...data, family: "cpu", rounds: 20_000 });
  assert.equal(parts.dqkv.findIndex((d, i) => d !== dqkv[i]), -1);
});
