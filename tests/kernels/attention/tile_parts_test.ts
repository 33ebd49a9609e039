/** Attention that alone takes longer than a submission should: the same bits in parts. */
import { deepEqual, equal } from "node:assert/strict";
import { attentionTile } from "../../../kernels/attention/attention.ts";
import { tileParts } from "../../../kernels/attention/tile_parts.ts";
import { Pace } from "../../../kernels/device/pace.ts";
import { recorders } from "./_attention_batch.ts";
import { type Case, inputs, run } from "./_attention_run.ts";

for (const family of ["cpu", "gpu"] as const) {
  Deno.test(`attention() and its backward give the same bits in parts, on a ${family}`, async () => {
    const commands = recorders[family];
    // Parts of 32 tiles: two and a half of them.
    const tokens = 80 * attentionTile(commands.device);
    const one: Case = { rows: [[3, 40, 30], [tokens - 83], [10]], heads: 4, kvHeads: 2, headDim: 8, window: 50 };
    const data = { ...inputs(one), family, pairs: 1e6 };
    const within = async (budget: number): Promise<{ result: unknown; submits: number }> => {
      commands.device.pace = new Pace();
      commands.device.pace.budget = budget;
      const before = commands.submitCount;
      return { result: await run(one, data), submits: commands.submitCount - before };
    };
    const whole = await within(Infinity);
    const cut = await within(1e-12);
    deepEqual(cut.result, whole.result);
    deepEqual([whole.submits, cut.submits], [1, 3 * 3]);
  });
}

Deno.test("tileParts() cuts what takes too long into whole steps of tiles, each once and in order", () => {
  const commands = recorders.cpu;
  commands.device.pace = new Pace();
  const tiles = {
    buffer: { gpu: {} as GPUBuffer, id: 0, bytes: 1 << 20, label: "tiles", part: "" },
    offset: 256,
    size: 1 << 19,
  };
  const parts = (tileCount: number, pairs: number): [number, number, number][] =>
    tileParts(commands, { tiles, tileCount, pairs, heads: 8, headDim: 64 }, { kind: "forward", products: 2 })
      .map(({ first, tiles, tileCount }) => [first, tileCount, tiles.offset]);
  // At 10 GFLOP/s a quarter of a second is 2.5 GFLOP.
  deepEqual(parts(200, 1e6), [[0, 200, 256]]);
  deepEqual(parts(200, 2e6), [[0, 96, 256], [96, 96, 256 + 8 * 96], [192, 8, 256 + 8 * 192]]);
  deepEqual(parts(70, 1e9), [[0, 32, 256], [32, 32, 512], [64, 6, 768]]);
  deepEqual(parts(32, 1e9), [[0, 32, 256]]);
  deepEqual(parts(200, 0), [[0, 200, 256]]);
  equal(parts(50_000, 1e12).length, 1563);
});
