import assert from "node:assert/strict";
import { attention } from "../../../kernels/attention/attention.ts";
import { attentionDecode } from "../../../kernels/attention/attention_decode.ts";
import { kvStore } from "../../../kernels/attention/kv_cache.ts";
import { rope, ropeTable } from "../../../kernels/attention/rope.ts";
import type { DeviceFamily } from "../../../kernels/device/tuning.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { commands, device, guarded, randomF32, readF32, release } from "../../_shared/device.ts";
import { pack, recorders, reference, upload } from "./_attention_batch.ts";
import { cases, columnsOf, type DecodeCase, gpuUnrotatedCases, nameOf, unrotatedCases } from "./_decode_cases.ts";

/** Stores rows of tokens in a cache (row i in slot lengths.length - i) and decodes each row's last token. */
async function decodeLast(
  { lengths, heads, kvHeads, headDim, scale, window }: DecodeCase,
  { qkv, family, chunk }: { qkv: Float32Array<ArrayBuffer>; family: DeviceFamily; chunk?: number },
): Promise<Float32Array> {
  const commands = recorders[family];
  const rows = lengths.length;
  const maxLength = Math.max(...lengths) + 1;
  const columns = columnsOf({ heads, kvHeads, headDim });
  const packed = pack(lengths.map((n) => [n]));
  const sizes = { heads, kvHeads, headDim, maxLength };
  const slots = lengths.flatMap((n, i) => Array<number>(n).fill(rows - i));
  const last = packed.segments.map(({ end }) => end - 1);
  const cacheLength = (rows + 1) * maxLength * kvHeads * headDim;
  const lastQkv = new Float32Array(rows * columns);
  last.forEach((t, row) => lastQkv.set(qkv.subarray(t * columns, (t + 1) * columns), row * columns));
  const buffers = {
    // What was never stored must never be read: NaN would spread.
    kCache: guarded(new Float32Array(cacheLength).fill(NaN), "k_cache"),
    vCache: guarded(new Float32Array(cacheLength).fill(NaN), "v_cache"),
    all: guarded(qkv, "qkv"),
    allSlots: guarded(Uint32Array.from(slots), "slot"),
    allPositions: guarded(packed.position, "position"),
    qkv: guarded(lastQkv, "qkv"),
    slot: guarded(Uint32Array.from(lengths, (_, i) => rows - i), "slot"),
    position: guarded(Uint32Array.from(lengths, (n) => n - 1), "position"),
    out: guarded(rows * heads * headDim, "out"),
  };
  const { kCache, vCache } = buffers;
  kvStore(commands, {
    kCache,
    vCache,
    qkv: buffers.all,
    slot: buffers.allSlots,
    position: buffers.allPositions,
    tokens: packed.tokens,
    rounded: null,
    ...sizes,
  });
  attentionDecode(commands, {
    ...buffers,
    rounded: null,
    rows,
    window,
    ...sizes,
    ...(scale !== undefined && { scale }),
    ...(chunk !== undefined && { chunk }),
  });
  commands.submit();
  const out = await readF32(buffers.out);
  await readF32(kCache);
  await readF32(vCache);
  release(...Object.values(buffers));
  return out;
}

/** The rows of `out` (of all tokens) that belong to each segment's last token. */
function lastRows(out: ArrayLike<number>, { lengths, heads, headDim }: DecodeCase): number[] {
  const size = heads * headDim;
  let end = 0;
  return lengths.flatMap((n) => {
    end += n;
    return Array.from({ length: size }, (_, i) => out[(end - 1) * size + i]!);
  });
}

for (const family of ["cpu", "gpu"] as const) {
  for (const one of cases) {
    Deno.test(`attentionDecode() over kvStore()'s cache matches the reference (${family}): ${nameOf(one)}`, async () => {
      const packed = pack(one.lengths.map((n) => [n]));
      const qkv = randomF32(packed.tokens * columnsOf(one), 1, 1.5);
      const expected = lastRows(reference(packed, qkv, one).out, one);
      const actual = await decodeLast(one, { qkv, family });
      assertClose(actual, expected, { rtol: 1e-5, atol: 2e-6 });
    });
  }

  Deno.test(`attentionDecode() gives a row's bits whatever the other rows are (${family})`, async () => {
    const one = { lengths: [30, 3, 71], heads: 4, kvHeads: 2, headDim: 8, window: 0 };
    const columns = columnsOf(one);
    const qkv = randomF32(104 * columns, 1, 1.5);
    const together = await decodeLast(one, { qkv, family });
    let at = 0;
    for (const [row, length] of one.lengths.entries()) {
      const part = Float32Array.from(qkv.subarray(at * columns, (at + length) * columns));
      const alone = await decodeLast({ ...one, lengths: [length] }, { qkv: part, family });
      assert.deepEqual(alone, together.slice(row * 32, (row + 1) * 32));
      at += length;
    }
  });
}

Deno.test("attentionDecode() agrees with attention() on the same tokens", async () => {
  const one = { lengths: [1, 24, 90], heads: 4, kvHeads: 2, headDim: 16, window: 0 };
  const packed = pack(one.lengths.map((n) => [n]));
  const qkv = randomF32(packed.tokens * columnsOf(one), 1, 1.5);
  const buffers = { qkv: guarded(qkv), out: guarded(packed.tokens * 64), lse: guarded(packed.tokens * 4) };
  const { tileCount, ...batch } = upload(packed, commands);
  attention(commands, { ...buffers, ...batch, ...one, tileCount, tokens: packed.tokens });
  const expected = lastRows(await readF32(buffers.out), one);
  assertClose(await decodeLast(one, { qkv, family: device.family }), expected, { rtol: 1e-5, atol: 1e-6 });
  release(...Object.values(buffers), ...Object.values(batch));
});

/**
 * Decodes each row's last token, whose q and k are not rotated yet: with `rope`, `kvStore` and the attention apart, or
 * all in one. Returns the output and the caches.
 */
async function decodeUnrotated(
  { lengths, heads, kvHeads, headDim, window }: DecodeCase,
  { together, family, chunk }: { together: boolean; family: DeviceFamily; chunk?: number },
): Promise<Record<"out" | "kCache" | "vCache", Float32Array>> {
  const commands = recorders[family];
  const rows = lengths.length;
  const maxLength = Math.max(...lengths) + 1;
  const columns = columnsOf({ heads, kvHeads, headDim });
  const inverseFrequencies = Float64Array.from({ length: headDim / 2 }, (_, i) => 1 / 10 ** (i / headDim));
  const cacheLength = (rows + 1) * maxLength * kvHeads * headDim;
  const buffers = {
    kCache: guarded(randomF32(cacheLength, 2, 1.5)),
    vCache: guarded(randomF32(cacheLength, 3, 1.5)),
    qkv: guarded(randomF32(rows * columns, 1, 1.5)),
    slot: guarded(Uint32Array.from(lengths, (_, i) => rows - i), "slot"),
    position: guarded(Uint32Array.from(lengths, (n) => n - 1), "position"),
    out: guarded(rows * heads * headDim, "out"),
  };
  const table = guarded(ropeTable({ inverseFrequencies, maxPositions: maxLength }));
  const parts = chunk === undefined ? {} : { chunk };
  const call = { ...buffers, rounded: null, heads, kvHeads, headDim, maxLength, ...parts };
  if (together) {
    attentionDecode(commands, { ...call, table, rows, window });
  } else {
    rope(commands, { ...call, table, tokens: rows });
    kvStore(commands, { ...call, tokens: rows });
    attentionDecode(commands, { ...call, rows, window });
  }
  commands.submit();
  const [out, kCache, vCache] = [
    await readF32(buffers.out),
    await readF32(buffers.kCache),
    await readF32(buffers.vCache),
  ];
  release(...Object.values(buffers), table);
  return { out, kCache, vCache };
}

for (const family of ["cpu", "gpu"] as const) {
  for (const one of family === "cpu" ? unrotatedCases : gpuUnrotatedCases) {
    Deno.test(`attentionDecode() with a table rotates, stores and attends as the three kernels do (${family}): ${nameOf(one)}`, async () => {
      const apart = await decodeUnrotated(one, { together: false, family });
      const together = await decodeUnrotated(one, { together: true, family });
      assertClose(together.kCache, apart.kCache, { rtol: 1e-6, atol: 1e-6 });
      assert.deepEqual(together.vCache, apart.vCache);
      assertClose(together.out, apart.out, { rtol: 1e-5, atol: 2e-6 });
    });
  }
}

/** Parts of 32 keys: rows within one, at its ends, and in several; groups of heads, and heads of V and of numbers. */
const splitCases: readonly DecodeCase[] = [
  { lengths: [1, 31, 32, 33, 64, 65, 100], heads: 2, kvHeads: 2, headDim: 8, window: 0 },
  { lengths: [3, 70, 97], heads: 2, kvHeads: 1, headDim: 6, window: 40 },
];

for (const one of splitCases) {
  Deno.test(`attentionDecode() over keys in parts matches the reference, and itself in one part: ${nameOf(one)}`, async () => {
    const packed = pack(one.lengths.map((n) => [n]));
    const qkv = randomF32(packed.tokens * columnsOf(one), 1, 1.5);
    // Leaves sums in the scratch's parts that a window will hide.
    if (one.window > 0) await decodeLast({ ...one, window: 0 }, { qkv, family: "gpu", chunk: 32 });
    const split = await decodeLast(one, { qkv, family: "gpu", chunk: 32 });
    assertClose(split, lastRows(reference(packed, qkv, one).out, one), { rtol: 1e-5, atol: 2e-6 });
    const whole = await decodeLast(one, { qkv, family: "gpu" });
    const size = one.heads * one.headDim;
    for (const [row, length] of one.lengths.entries()) {
      const span = [row * size, (row + 1) * size] as const;
      if (length <= 32) assert.deepEqual(split.slice(...span), whole.slice(...span));
    }
  });
}

Deno.test("attentionDecode() with a table stores a token of parts once, and attends as without parts", async () => {
  const one = { lengths: [1, 32, 33, 80], heads: 2, kvHeads: 2, headDim: 8, window: 0 };
  const split = await decodeUnrotated(one, { together: true, family: "gpu", chunk: 32 });
  const whole = await decodeUnrotated(one, { together: true, family: "gpu" });
  assert.deepEqual([split.kCache, split.vCache], [whole.kCache, whole.vCache]);
  assertClose(split.out, whole.out, { rtol: 1e-5, atol: 2e-6 });
});
