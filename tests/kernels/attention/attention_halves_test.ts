import { deepEqual, equal, ok } from "node:assert/strict";
import { halveHeads } from "../../../kernels/attention/attention_halves.ts";
import { attentionTiles } from "../../../kernels/attention/attention.ts";
import { TILE } from "../../../kernels/attention/blocked_attention.ts";
import { commands, guarded, randomF32, readF32, readU32, release } from "../../_shared/device.ts";
import { pack } from "./_attention_batch.ts";

const [HEADS, KV_HEADS, HEAD_DIM, PADDED] = [4, 2, 20, 32];
const ALL_HEADS = HEADS + 2 * KV_HEADS;

for (const { depth, parts } of [{ depth: 8, parts: 2 }, { depth: 16, parts: 1 }] as const) {
  Deno.test(`halveHeads() scales, rounds and places each tile's heads, ${parts} parts in lines of ${depth}`, async () => {
    const packed = pack([[70], [7, 9, 1], [65]]);
    const tiles = attentionTiles(packed.segments, TILE);
    const values = randomF32(packed.tokens * ALL_HEADS * HEAD_DIM, 1).map((x, at) =>
      x * 2 ** (Math.floor(at / HEAD_DIM) % ALL_HEADS * 28 - 94)
    );
    const element = (token: number, head: number): number => (token * ALL_HEADS + head) * HEAD_DIM;
    // A tile's head each: two that are not finite, one of zeros, and one with a tie and what is far below the others.
    values[element(3, 1) + 5] = NaN;
    values[element(72, 7) + 2] = -Infinity;
    for (let token = 64; token < 70; token++) values.fill(0, element(token, 4), element(token, 4) + HEAD_DIM);
    values.set([1 + 2 ** -11, 1 + 3 * 2 ** -11, 2 ** 20], element(90, 2));
    const buffers = { qkv: guarded(values), tiles: guarded(tiles) };
    const sizes = { heads: HEADS, kvHeads: KV_HEADS, tileCount: tiles.length / 2 };
    const halved = halveHeads(commands, { ...buffers, ...sizes }, { headDim: HEAD_DIM, padded: PADDED, depth, parts });
    const halves = new Float16Array((await readU32(halved.halves)).buffer);
    const [powers, firstSlots] = [await readF32(halved.powers), await readU32(halved.first_slots)];
    const { slots } = halved;
    ok(halves.length >= parts * PADDED * slots * ALL_HEADS);
    const plane = PADDED * slots;
    const group = HEADS / KV_HEADS;
    /** Where a number lies: q by rows of its group, k by slots, v by lines of tokens. */
    const placeOf = (head: number, slot: number, d: number, part: number): number => {
      if (head >= HEADS + KV_HEADS) {
        return (head * parts + part) * plane + (Math.floor(slot / depth) * PADDED + d) * depth + slot % depth;
      }
      const [first, rows] = head < HEADS ? [head - head % group, group] : [head, 1];
      const row = slot * rows + (head < HEADS ? head % group : 0);
      const line = Math.floor(d / depth) * slots * rows + row;
      return (first * parts + part * rows) * plane + line * depth + d % depth;
    };
    let free = 0;
    let worst = 0;
    for (let tile = 0; tile < tiles.length / 2; tile++) {
      const [start, count] = [tiles[2 * tile]!, tiles[2 * tile + 1]!];
      const slot = firstSlots[start]!;
      ok(slot % depth === 0 && slot >= free, `tile ${tile} begins at slot ${slot}`);
      free = slot + Math.ceil(count / depth) * depth;
      ok(slot + TILE <= slots);
      for (let head = 0; head < ALL_HEADS; head++) {
        const own = Array.from(
          { length: count },
          (_, i) => values.subarray(element(start + i, head)).subarray(0, HEAD_DIM),
        );
        const isFinite = own.every((line) => line.every(Number.isFinite));
        const power = powers[head * slots / depth + slot / depth]!;
        equal(Number.isNaN(power), !isFinite, `tile ${tile}, head ${head}: ${power}`);
        const largest = Math.max(...own.map((line) => Math.max(...line.map(Math.abs))));
        if (isFinite && largest > 0) ok(2 ** 14 <= largest / power && largest / power < 2 ** 15, `power ${power}`);
        for (let i = 0; i < free - slot; i++) {
          for (let d = 0; d < PADDED; d++) {
            const high = halves[placeOf(head, slot + i, d, 0)]!;
            const low = parts === 2 ? halves[placeOf(head, slot + i, d, 1)]! : 0;
            const what = `tile ${tile}, head ${head}, token ${i}, element ${d}`;
            if (!isFinite || i >= count || d >= HEAD_DIM) {
              deepEqual([high, low], [0, 0], what);
              continue;
            }
            const scaled = own[i]![d]! / power;
            // The nearest with eleven bits, ties to even, as numbers of float16 are; what is left of it with as many.
            if (Math.abs(scaled) >= 2 ** -14) equal(high, Math.f16round(scaled), what);
            const bound = Math.abs(scaled) * 2 ** (parts === 2 ? -22 : -11) + 2 ** -24;
            worst = Math.max(worst, Math.abs(high + low - scaled) / bound);
          }
        }
      }
    }
    ok(worst > 0 && worst <= 1, `the error is ${worst} of what is allowed`);
    release(...Object.values(buffers));
  });
}
