import { deepEqual } from "node:assert/strict";
import type { Commands } from "../../../kernels/device/commands.ts";
import { lmHeadForward } from "../../../kernels/lm_head/lm_head.ts";
import { lmHeadScratch, type LmHeadSizes } from "../../../kernels/lm_head/lm_head_tiles.ts";
import { commands, guarded, randomF32, readF32, readU32, release } from "../../_shared/device.ts";
import { families } from "../../_shared/families.ts";

/** The kernel's top and logp, of whole numbers, whose products are exact in any order. */
async function run(
  { h, weight, ...sizes }: { h: Float32Array<ArrayBuffer>; weight: Float32Array<ArrayBuffer> } & LmHeadSizes,
  { findsTop = true, on = commands }: { findsTop?: boolean; on?: Commands } = {},
): Promise<{ tokens: number[]; values: number[]; logp: Float32Array }> {
  const { maxRows: rows, hidden, vocab } = sizes;
  const plan = lmHeadScratch(on.device, sizes);
  const slices = {
    h: guarded(h),
    weight: guarded(weight),
    target: guarded(new Uint32Array(rows)),
    logp: guarded(rows),
    lse: guarded(rows),
    top: guarded(2 * rows),
    // Whatever lies in the padding of a tile's rows is no logit.
    state: guarded(new Float32Array(plan.bytes.state / 4).fill(1e9)),
    logits: guarded(new Float32Array(plan.bytes.logits / 4).fill(1e9)),
  };
  const { top, state, logits, ...call } = slices;
  lmHeadForward(on, { ...call, ...(findsTop && { top }), rows, hidden, vocab, scratch: { plan, state, logits } });
  on.submit();
  const words = await readU32(top);
  const logp = await readF32(slices.logp);
  release(...Object.values(slices));
  return {
    tokens: [...words].filter((_, i) => i % 2 === 0),
    values: [...new Float32Array(words.buffer)].filter((_, i) => i % 2 === 1),
    logp,
  };
}

function wholeNumbers(length: number, seed: number): Float32Array<ArrayBuffer> {
  return randomF32(length, seed, 2).map(Math.round);
}

/** Each row's largest logit and the first token that has it. */
function expected(
  { h, weight, rows, hidden, vocab }:
    & { h: Float32Array; weight: Float32Array }
    & Record<
      "rows" | "hidden" | "vocab",
      number
    >,
): { tokens: number[]; values: number[] } {
  const tokens: number[] = [];
  const values: number[] = [];
  for (let r = 0; r < rows; r++) {
    const logits = Array.from({ length: vocab }, (_, v) => {
      let sum = 0;
      for (let i = 0; i < hidden; i++) sum += h[r * hidden + i]! * weight[v * hidden + i]!;
      return sum;
    });
    const value = Math.max(...logits);
    values.push(value);
    tokens.push(logits.indexOf(value));
  }
  return { tokens, values };
}

const SHAPES = [
  { rows: 1, hidden: 4, vocab: 1 },
  { rows: 5, hidden: 33, vocab: 67, tileColumns: 64 },
  { rows: 300, hidden: 8, vocab: 515, tileColumns: 128, tileBytes: 64 * 128 * 4 },
  { rows: 70, hidden: 4, vocab: 1030 },
];

for (const { rows, ...sizes } of SHAPES) {
  Deno.test(`lmHeadForward() finds the first of the largest logits: ${rows} rows, ${sizes.vocab} tokens`, async () => {
    const { hidden, vocab } = sizes;
    // Few different numbers: most rows have equal logits, in one tile and in several.
    const [h, weight] = [wholeNumbers(rows * hidden, 1), wholeNumbers(vocab * hidden, 2)];
    for (const { family, commands: on } of families) {
      const { tokens, values } = await run({ h, weight, maxRows: rows, ...sizes }, { on });
      deepEqual({ tokens, values }, expected({ h, weight, rows, hidden, vocab }), family);
    }
  });
}

Deno.test("lmHeadForward() takes the first of equal logits in lanes, blocks and tiles, and negative ones", async () => {
  const sizes = { hidden: 4, vocab: 1000, tileColumns: 256 };
  for (const places of [[3, 2], [700, 300], [999, 0], [511, 512], [256, 255], [130, 66, 2], [258, 257, 259]]) {
    const weight = new Float32Array(sizes.vocab * sizes.hidden).fill(-2);
    for (const token of places) weight.fill(-1, token * sizes.hidden, (token + 1) * sizes.hidden);
    const { tokens, values } = await run({ h: new Float32Array(4).fill(1), weight, maxRows: 1, ...sizes });
    deepEqual([tokens, values], [[Math.min(...places)], [-4]], `${places}`);
  }
});

Deno.test("lmHeadForward() gives the same log-probabilities with and without the most probable tokens", async () => {
  const call = { h: randomF32(40 * 12, 3), weight: randomF32(300 * 12, 4), maxRows: 40, hidden: 12, vocab: 300 };
  deepEqual((await run(call)).logp, (await run(call, { findsTop: false })).logp);
});
