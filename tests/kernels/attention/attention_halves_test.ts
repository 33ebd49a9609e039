import { deepEqual, equal, ok } from "node:assert/strict";
import { type HalvedHeads, halveGradient, halveHeads } from "../../../kernels/attention/attention_halves.ts";
import { attentionTiles } from "../../../kernels/attention/attention.ts";
import { TILE } from "../../../kernels/attention/blocked_attention.ts";
import { commands, guarded, randomF32, readF32, readU32, release } from "../../_shared/device.ts";
import { pack } from "./_attention_batch.ts";

const [HEADS, KV_HEADS, HEAD_DIM, PADDED] = [4, 2, 20, 32];
const ALL_HEADS = HEADS + 2 * KV_HEADS;
const GROUP = HEADS / KV_HEADS;
const BOTH = ["heads", "rows"] as const;

const packed = pack([[70], [7, 9, 1], [65]]);
const tiles = attentionTiles(packed.segments, TILE);
const tileList = Array.from(
  { length: tiles.length / 2 },
  (_, i) => ({ start: tiles[2 * i]!, count: tiles[2 * i + 1]! }),
);

/** Numbers whose sizes differ from head to head, with a few special ones. */
function numbers(heads: number, seed: number): Float32Array<ArrayBuffer> {
  const values = randomF32(packed.tokens * heads * HEAD_DIM, seed).map((x, at) =>
    x * 2 ** (Math.floor(Math.floor(at / HEAD_DIM) % heads / GROUP) * 28 - 94)
  );
  const element = (token: number, head: number): number => (token * heads + head) * HEAD_DIM;
  // A tile's group each: two that are not finite, one of zeros, and one with a tie and what is far below the others.
  values[element(3, 1) + 5] = NaN;
  values[element(72, heads - 1) + 2] = -Infinity;
  for (let token = 64; token < 70; token++) values.fill(0, element(token, 2), element(token, 4));
  values.set([1 + 2 ** -11, 1 + 3 * 2 ** -11, 2 ** 20], element(90, 2));
  return values;
}

/** What heads were brought to: their numbers, where they lie in halves, and which of the powers undoes them. */
interface Kind {
  values: Float32Array;
  ofToken: number;
  first: number;
  groupSize: number;
  ways: readonly ("heads" | "rows")[];
  halves: Float16Array;
  firstPlane: number;
  firstPower: number;
}

interface Cut {
  depth: number;
  parts: number;
}

/** Checks every number of a kind, and returns the worst of their errors, as a share of what is allowed. */
function check(
  { values, ofToken, first, groupSize, ways, halves, firstPlane, firstPower }: Kind,
  { powers, firstSlots, slots }: { powers: Float32Array; firstSlots: Uint32Array; slots: number },
  { depth, parts }: Cut,
): number {
  const plane = PADDED * slots;
  let worst = 0;
  for (const { start, count } of tileList) {
    const slot = firstSlots[start]!;
    for (let group = 0; group < KV_HEADS; group++) {
      const row = (i: number, head: number): Float32Array => {
        const at = ((start + i) * ofToken + first + group * groupSize + head) * HEAD_DIM;
        return values.subarray(at, at + HEAD_DIM);
      };
      const own = Array.from({ length: count * groupSize }, (_, r) => row(Math.floor(r / groupSize), r % groupSize));
      const isFinite = own.every((line) => line.every(Number.isFinite));
      const power = powers[(firstPower + group) * slots / depth + slot / depth]!;
      equal(Number.isNaN(power), !isFinite, `tile at ${start}, group ${group}: ${power}`);
      const largest = Math.max(...own.map((line) => Math.max(...line.map(Math.abs))));
      if (isFinite && largest > 0) ok(2 ** 14 <= largest / power && largest / power < 2 ** 15, `power ${power}`);
      const planes = firstPlane + group * ways.length * parts * groupSize;
      const allRows = Math.ceil(count / depth) * depth * groupSize;
      for (const [way, along] of ways.entries()) {
        for (let r = 0; r < allRows; r++) {
          for (let d = 0; d < PADDED; d++) {
            const line = slot * groupSize + r;
            const place = along === "heads"
              ? (Math.floor(d / depth) * slots * groupSize + line) * depth + d % depth
              : (Math.floor(line / depth) * PADDED + d) * depth + line % depth;
            const at = (planes + way * parts * groupSize) * plane + place;
            const [high, low] = [halves[at]!, parts === 2 ? halves[at + groupSize * plane]! : 0];
            const what = `tile at ${start}, group ${group}, along ${along}, row ${r}, element ${d}`;
            if (!isFinite || r >= own.length || d >= HEAD_DIM) {
              deepEqual([high, low], [0, 0], what);
              continue;
            }
            const scaled = own[r]![d]! / power;
            // The nearest with eleven bits, ties to even, as numbers of float16 are; what is left of it with as many.
            if (Math.abs(scaled) >= 2 ** -14) equal(high, Math.f16round(scaled), what);
            const bound = Math.abs(scaled) * 2 ** (parts === 2 ? -22 : -11) + 2 ** -24;
            worst = Math.max(worst, Math.abs(high + low - scaled) / bound);
          }
        }
      }
    }
  }
  return worst;
}

async function float16(slice: HalvedHeads["halves"]): Promise<Float16Array> {
  return new Float16Array((await readU32(slice)).buffer);
}

for (const cut of [{ depth: 8, parts: 2 }, { depth: 16, parts: 1 }] as const) {
  const title = `scales, rounds and places each tile's heads, ${cut.parts} parts in lines of ${cut.depth}`;
  const sizes = { headDim: HEAD_DIM, padded: PADDED, ...cut };
  const qkv = numbers(ALL_HEADS, 1);
  const { parts } = cut;

  Deno.test(`halveHeads() ${title}`, async () => {
    const buffers = { qkv: guarded(qkv), tiles: guarded(tiles) };
    const batch = { ...buffers, heads: HEADS, kvHeads: KV_HEADS, tileCount: tileList.length };
    const halved = halveHeads(commands, batch, sizes);
    const halves = await float16(halved.halves);
    const found = {
      powers: await readF32(halved.powers),
      firstSlots: await readU32(halved.first_slots),
      slots: halved.slots,
    };
    ok(halves.length >= parts * PADDED * halved.slots * ALL_HEADS);
    let free = 0;
    for (const { start, count } of tileList) {
      const slot = found.firstSlots[start]!;
      ok(slot % cut.depth === 0 && slot >= free, `the tile at ${start} begins at slot ${slot}`);
      free = slot + Math.ceil(count / cut.depth) * cut.depth;
      ok(slot + TILE <= halved.slots);
    }
    const of = { values: qkv, ofToken: ALL_HEADS, halves };
    const worst = [
      { ...of, first: 0, groupSize: GROUP, ways: ["heads"], firstPlane: 0, firstPower: 0 } as const,
      { ...of, first: 4, groupSize: 1, ways: ["heads"], firstPlane: 4 * parts, firstPower: 2 } as const,
      { ...of, first: 6, groupSize: 1, ways: ["rows"], firstPlane: 6 * parts, firstPower: 4 } as const,
    ].map((kind) => check(kind, found, cut));
    ok(Math.min(...worst) > 0 && Math.max(...worst) <= 1, `the errors are ${worst} of what is allowed`);
    release(...Object.values(buffers));
  });

  Deno.test(`halveGradient() ${title}`, async () => {
    const dout = numbers(HEADS, 2);
    const buffers = { qkv: guarded(qkv), tiles: guarded(tiles), dout: guarded(dout) };
    const batch = { ...buffers, heads: HEADS, kvHeads: KV_HEADS, tileCount: tileList.length };
    const halved = halveGradient(commands, batch, sizes);
    const [halves, gradients] = [await float16(halved.halves), await float16(halved.gradients)];
    const found = {
      powers: await readF32(halved.powers),
      firstSlots: await readU32(halved.first_slots),
      slots: halved.slots,
    };
    const of = { values: qkv, ofToken: ALL_HEADS, halves };
    const worst = [
      { ...of, first: 0, groupSize: GROUP, ways: BOTH, firstPlane: 0, firstPower: 0 } as const,
      { ...of, first: 4, groupSize: 1, ways: BOTH, firstPlane: 8 * parts, firstPower: 2 } as const,
      { ...of, first: 6, groupSize: 1, ways: ["heads"], firstPlane: 12 * parts, firstPower: 4 } as const,
      {
        ...{ values: dout, ofToken: HEADS, halves: gradients },
        ...{ first: 0, groupSize: GROUP, ways: BOTH, firstPlane: 0, firstPower: 6 },
      },
    ].map((kind) => check(kind, found, cut));
    ok(Math.min(...worst) > 0 && Math.max(...worst) <= 1, `the errors are ${worst} of what is allowed`);
    release(...Object.values(buffers));
  });
}
