/** Attention that alone takes longer than a submission should: the same bits in parts. */
import { deepEqual, equal } from "node:assert/strict";
import { attentionTile } from "../../../kernels/attention/attention.ts";
import { FORWARD, tileParts } from "../../../kernels/attention/tile_parts.ts";
import { Pace } from "../../../kernels/device/pace.ts";
import { recorders } from "./_attention_batch.ts";
import { type Case, inputs, run } from "./_attention_run.ts";

for (const family of ["cpu", "gpu"] as const) {
  Deno.test(`attention() and its backward give the same bits in parts, on a ${family}`, async () => {
    const commands = recorders[family];
    // Parts of 32 tiles: two and a half of them.
    const tokens = 80 * attentionTile(commands.device);
    // The long row begins at an odd tile.
    const one: Case = { rows: [[5], [3, 40, 30], [tokens - 88], [10]], heads: 4, kvHeads: 2, headDim: 8, window: 50 };
    const data = { ...inputs(one), family, pairs: 1e6 };
    const { pace } = commands.device;
    const within = async (budget: number): Promise<{ result: unknown; submits: number }> => {
      commands.device.pace = new Pace();
      commands.device.pace.budget = budget;
      const before = commands.submitCount;
      try {
        return { result: await run(one, data), submits: commands.submitCount - before };
      } finally {
        commands.device.pace = pace;
      }
    };
    const whole = await within(Infinity);
    const cut = await within(1e-12);
    deepEqual(cut.result, whole.result);
    deepEqual([whole.submits, cut.submits], [1, 3 * 3]);
  });
}

for (const family of ["cpu", "gpu"] as const) {
  Deno.test(`attention() ends with its batch, whatever an older one has left in the buffers, on a ${family}`, async () => {
    const tile = attentionTile(recorders[family].device);
    for (const tokens of [tile, 2 * tile, 3 * tile]) {
      const one: Case = { rows: [[tokens]], heads: 2, kvHeads: 1, headDim: 8 };
      const data = { ...inputs(one), family };
      deepEqual(await run(one, { ...data, older: [[5 * tile]] }), await run(one, data));
    }
  });
}

/** The first tile and the number of tiles of each part of a batch, on a device that nothing is known of. */
function partsOf(
  { tileCount, pairs, longest }: { tileCount: number; pairs: number; longest: number },
): [first: number, count: number][] {
  const { pace } = recorders.cpu.device;
  recorders.cpu.device.pace = new Pace();
  const gpu = {} as GPUBuffer;
  const tiles = { buffer: { gpu, id: 0, bytes: 1 << 20, label: "tiles", part: "" }, offset: 256, size: 1 << 19 };
  try {
    const batch = { tiles, tileCount, tile: 64, heads: 8, headDim: 64, tokens: 64 * tileCount, longest, pairs };
    return tileParts(recorders.cpu, batch, FORWARD).map(({ first, tiles, tileCount }) => {
      deepEqual([tiles.offset, tiles.size], [256 + 8 * first, (1 << 19) - 8 * first]);
      return [first, tileCount];
    });
  } finally {
    recorders.cpu.device.pace = pace;
  }
}

Deno.test("tileParts() cuts what takes too long into whole steps of tiles, each once and in order", () => {
  // At 10 GFLOP/s a quarter of a second is 2.5 GFLOP: 1.2 million pairs.
  deepEqual(partsOf({ tileCount: 200, pairs: 1.2e6, longest: 400 }), [[0, 200]]);
  deepEqual(partsOf({ tileCount: 200, pairs: 1.3e6, longest: 190 }), [[0, 96], [96, 96], [192, 8]]);
  deepEqual(partsOf({ tileCount: 70, pairs: 1e9, longest: 4480 }), [[0, 32], [32, 32], [64, 6]]);
  deepEqual(partsOf({ tileCount: 32, pairs: 1e9, longest: 2048 }), [[0, 32]]);
  deepEqual(partsOf({ tileCount: 200, pairs: 0, longest: 12_800 }), [[0, 200]]);
  equal(partsOf({ tileCount: 50_000, pairs: 1e12, longest: 4096 }).length, 1563);
});

Deno.test("tileParts() bounds the part that a batch's longest rows are in, beside however many short ones", () => {
  // Rows of one tile, and 8 of 8, whose last tile sees 15 times as many keys as its first.
  const pairsOf = (tile: number): number => tile < 400 ? 64 * 32 : 64 * (64 * (tile % 8) + 32);
  const sum = (first: number, count: number): number =>
    Array.from({ length: count }, (_, i) => pairsOf(first + i)).reduce((a, b) => a + b);
  const parts = partsOf({ tileCount: 464, pairs: sum(0, 464), longest: 512 });
  equal(parts.length > 1, true);
  // A quarter of a second at 10 GFLOP/s.
  for (const part of parts) equal(sum(...part) <= 2.5e9 / (4 * 8 * 64), true, `${part}`);
});
