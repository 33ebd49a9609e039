/** A cache of rounded keys and values against a float32 cache of the same numbers, bit for bit. */
import { deepEqual, equal } from "node:assert/strict";
import { attentionDecode } from "../../../kernels/attention/attention_decode.ts";
import type { RoundedCache, RoundedStorage } from "../../../kernels/attention/cache_text.ts";
import { kvStore } from "../../../kernels/attention/kv_cache.ts";
import { ropeTable } from "../../../kernels/attention/rope.ts";
import type { Commands } from "../../../kernels/device/commands.ts";
import type { Slice } from "../../../kernels/device/slice.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { guarded, randomF32, readF32, readU32, release } from "../../_shared/device.ts";
import { storeMatrix } from "../../_shared/stored_matrix.ts";
import { recorders } from "./_attention_batch.ts";
import { cases, columnsOf, type DecodeCase, gpuRoundedCases, nameOf, unrotatedCases } from "./_decode_cases.ts";

const STORAGES = ["bf16", "f16"] as const;

/** The least number that is too large. */
const TOO_LARGE: Readonly<Record<RoundedStorage, number>> = { bf16: 2 ** 128 - 2 ** 119, f16: 65_520 };

/** The host's rounding: the words, and the numbers that they stand for. */
function rounded(values: Float32Array<ArrayBuffer>, storage: RoundedStorage) {
  return storeMatrix(storage, values, { rows: 1, columns: values.length });
}

const bitsOf = (values: Float32Array): Uint32Array => new Uint32Array(values.buffer, values.byteOffset, values.length);

/** Numbers of every exponent: every seventh 16-bit number, the middle to the next one, and float32's neighbours of both. */
function manyNumbers(storage: RoundedStorage): Float32Array<ArrayBuffer> {
  const bits: number[] = [];
  const step = storage === "bf16" ? 2 ** 16 : 2 ** 13;
  const [least, most] = storage === "bf16" ? [0, 0x7f7f0000] : [0x33000000, 0x477fe000];
  for (let at = least; at <= most; at += 7 * step) {
    for (const more of [0, 1, step / 2 - 1, step / 2, step / 2 + 1, step - 1]) bits.push(at + more);
  }
  // Below binary16's normal numbers the middles are farther apart.
  for (let i = 0; storage === "f16" && i < 2048; i++) {
    const [middle] = bitsOf(Float32Array.of((i + 0.5) * 2 ** -24));
    bits.push(middle! - 1, middle!, middle! + 1);
  }
  const kept = bits.filter((b) => Math.abs(new Float32Array(Uint32Array.of(b).buffer)[0]!) < TOO_LARGE[storage]);
  const signed = kept.flatMap((b, i) => i % 3 === 0 ? [b, b | 0x80000000] : [i % 2 === 0 ? b : b | 0x80000000]);
  // Whole heads of 8.
  while (signed.length % 8 !== 0) signed.push(0);
  return new Float32Array(Uint32Array.from(signed).buffer);
}

/** Numbers end to end, with all their bits: JavaScript may drop what a NaN carries. */
function joinBits(parts: readonly Float32Array[]): Uint32Array<ArrayBuffer> {
  return Uint32Array.from(parts.flatMap((part) => [...bitsOf(part)]));
}

/** Stores one token's k and v, of one head each, behind q of one head, in slot 1 at position 2 of 4. */
async function storeOne(
  commands: Commands,
  { k, v, storage }: { k: Float32Array; v: Float32Array; storage: RoundedStorage },
) {
  const headDim = k.length;
  const cacheWords = 2 * 4 * headDim / 2;
  const before = Uint32Array.from({ length: cacheWords }, (_, i) => i + 1);
  const buffers = {
    kCache: guarded(before, "k_cache"),
    vCache: guarded(before, "v_cache"),
    qkv: guarded(joinBits([k.map((x) => x / 3), k, v]), "qkv"),
    slot: guarded(Uint32Array.of(1), "slot"),
    position: guarded(Uint32Array.of(2), "position"),
    overflow: guarded(Uint32Array.of(0), "overflow"),
  };
  const { overflow, ...call } = buffers;
  kvStore(commands, {
    ...call,
    rounded: { storage, overflow },
    tokens: 1,
    heads: 1,
    kvHeads: 1,
    headDim,
    maxLength: 4,
  });
  commands.submit();
  const [kCache, vCache] = [await readU32(buffers.kCache), await readU32(buffers.vCache)];
  const [qkv, [overflowed]] = [await readF32(buffers.qkv), await readU32(overflow)];
  release(...Object.values(buffers));
  const [at, end] = [(4 + 2) * headDim / 2, (4 + 3) * headDim / 2];
  const others = (cache: Uint32Array) => cache.filter((_, i) => i < at || i >= end);
  deepEqual(others(kCache), others(before));
  deepEqual(others(vCache), others(before));
  return { k: kCache.slice(at, end), v: vCache.slice(at, end), qkv, overflowed };
}

for (const [family, commands] of Object.entries(recorders)) {
  for (const storage of STORAGES) {
    Deno.test(`kvStore() rounds to nearest even, in the cache and in place: ${storage} (${family})`, async () => {
      const k = manyNumbers(storage);
      const v = Float32Array.from(k.toReversed());
      const stored = await storeOne(commands, { k, v, storage });
      const [wantedK, wantedV] = [rounded(k, storage), rounded(v, storage)];
      deepEqual(stored.k, wantedK.data);
      deepEqual(stored.v, wantedV.data);
      const q = k.map((x) => x / 3);
      deepEqual(bitsOf(stored.qkv), joinBits([q, wantedK.values, wantedV.values]));
      equal(stored.overflowed, 0);
    });

    Deno.test(`kvStore() tells of a key or value that is too large, and keeps NaN: ${storage} (${family})`, async () => {
      const fine = Float32Array.of(1, 2, 3, 4, 5, 6, 7, -8);
      const [largest] = rounded(Float32Array.of(TOO_LARGE[storage] * (1 - 2 ** -24), 0), storage).values;
      equal(Number.isFinite(largest), true);
      const overflowed = async (k: Float32Array, v: Float32Array) =>
        (await storeOne(commands, { k, v, storage })).overflowed;
      for (const [number, expected] of [[largest!, 0], [TOO_LARGE[storage], 1], [Infinity, 1], [NaN, 0]] as const) {
        for (const at of [0, 3]) {
          const one = fine.with(at, number);
          equal(await overflowed(one, fine), expected, `k ${number}`);
          equal(await overflowed(fine, one), expected, `v ${number}`);
          equal(await overflowed(fine, one.map((x) => -x)), expected, `v ${-number}`);
        }
      }
      // Whose payload lies in the lower bits, which are dropped.
      const nan = new Float32Array(Uint32Array.of(0x7f800001, 0xff800001, 0x7fffffff, 0).buffer);
      const { qkv } = await storeOne(commands, { k: nan, v: nan, storage });
      deepEqual([...qkv.subarray(4, 8)].map(Number.isNaN), [true, true, true, false]);
    });
  }
}

/** A cache of rows (row i in slot rows - i) with every place filled, in full and rounded; both have the same numbers. */
function caches(
  { lengths, kvHeads, headDim }: DecodeCase,
  { storage, seed }: { storage: RoundedStorage; seed: number },
) {
  const maxLength = Math.max(...lengths) + 1;
  const { data, values } = rounded(randomF32((lengths.length + 1) * maxLength * kvHeads * headDim, seed, 1.5), storage);
  return { maxLength, words: data, values };
}

type Outcome = Record<"out" | "kCache" | "vCache", Uint32Array> & { overflowed: number };

/** Decodes each row's last token over a cache as `storage` says; returns all bits. */
async function decode(
  commands: Commands,
  { lengths, heads, kvHeads, headDim, scale, window }: DecodeCase,
  { k, v, qkv, table, storage, maxLength }: {
    k: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;
    v: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;
    qkv: Float32Array<ArrayBuffer>;
    table: Float32Array<ArrayBuffer> | null;
    storage: RoundedStorage | "f32";
    maxLength: number;
  },
): Promise<Outcome> {
  const rows = lengths.length;
  const buffers = {
    kCache: guarded(k, "k_cache"),
    vCache: guarded(v, "v_cache"),
    qkv: guarded(qkv, "qkv"),
    slot: guarded(Uint32Array.from(lengths, (_, i) => rows - i), "slot"),
    position: guarded(Uint32Array.from(lengths, (n) => n - 1), "position"),
    out: guarded(rows * heads * headDim, "out"),
    ...(table && { table: guarded(table, "table") }),
  };
  const overflow: Slice = guarded(Uint32Array.of(0), "overflow");
  const cache: RoundedCache | null = storage === "f32" ? null : { storage, overflow };
  attentionDecode(commands, {
    ...buffers,
    rounded: cache,
    rows,
    heads,
    kvHeads,
    headDim,
    ...(scale !== undefined && { scale }),
    maxLength,
    window,
  });
  commands.submit();
  const outcome = {
    out: await readU32(buffers.out),
    kCache: await readU32(buffers.kCache),
    vCache: await readU32(buffers.vCache),
    overflowed: (await readU32(overflow))[0]!,
  };
  deepEqual(await readF32(buffers.qkv), qkv);
  release(...Object.values(buffers), overflow);
  return outcome;
}

/** Rounds the heads of k and v alone. */
function roundKv(
  qkv: Float32Array<ArrayBuffer>,
  { heads, headDim, storage, ...sizes }: DecodeCase & { storage: RoundedStorage },
): Float32Array<ArrayBuffer> {
  const columns = columnsOf({ heads, headDim, ...sizes });
  const { values } = rounded(qkv, storage);
  return qkv.map((x, i) => i % columns < heads * headDim ? x : values[i]!);
}

/** A table whose angles are whole quarter turns, so that rotating and rounding may change places. */
function quarterTurns(maxPositions: number, headDim: number): Float32Array<ArrayBuffer> {
  const half = headDim / 2;
  const table = new Float32Array(maxPositions * headDim);
  for (let position = 0; position < maxPositions; position++) {
    for (let i = 0; i < half; i++) {
      const turn = (position + i * 3) % 4;
      table[position * headDim + i] = [1, 0, -1, 0][turn]!;
      table[position * headDim + half + i] = [0, 1, 0, -1][turn]!;
    }
  }
  return table;
}

for (const [family, commands] of Object.entries(recorders)) {
  for (const storage of STORAGES) {
    Deno.test(`attentionDecode() tells of a key or value that is too large for the cache: ${storage} (${family})`, async () => {
      for (const headDim of [6, 8, 64]) {
        const one = { lengths: [1, 3], heads: 4, kvHeads: 2, headDim, window: 0 };
        const [k, v] = [caches(one, { storage, seed: 2 }), caches(one, { storage, seed: 3 })];
        const columns = columnsOf(one);
        const { maxLength } = k;
        const inverseFrequencies = new Float64Array(headDim / 2).fill(Math.PI / 4);
        const table = ropeTable({ inverseFrequencies, maxPositions: maxLength });
        const overflowed = async (change: (qkv: Float32Array<ArrayBuffer>) => void) => {
          const qkv = randomF32(2 * columns, 1);
          change(qkv);
          return (await decode(commands, one, { k: k.words, v: v.words, qkv, table, storage, maxLength })).overflowed;
        };
        equal(await overflowed(() => {}), 0);
        for (let at = 0; at < headDim; at += Math.max(1, headDim / 8)) {
          // Row 1, the second of its two heads of v.
          const place = columns + 7 * headDim + Math.floor(at);
          equal(await overflowed((qkv) => qkv[place] = -TOO_LARGE[storage]), 1);
        }
        equal(await overflowed((qkv) => qkv[headDim] = TOO_LARGE[storage]), 0, "a query");
        // Row 1 has position 2, a quarter turn; row 0 has position 0. A key is measured after its rotation.
        equal(await overflowed((qkv) => qkv[4 * headDim] = TOO_LARGE[storage]), 1, "a key");
        if (storage === "f16") {
          const almost = TOO_LARGE.f16 * 0.8;
          const both = (qkv: Float32Array) => qkv.fill(almost, columns + 4 * headDim, columns + 5 * headDim);
          equal(await overflowed(both), 0, "a quarter turn");
          table.set(Array(headDim).fill(Math.SQRT1_2), 2 * headDim);
          equal(await overflowed(both), 1, "an eighth");
        }
      }
    });

    for (const one of family === "cpu" ? cases : gpuRoundedCases) {
      Deno.test(`attentionDecode() over a rounded cache has the bits of a float32 cache: ${storage} (${family}): ${nameOf(one)}`, async () => {
        const [k, v] = [caches(one, { storage, seed: 2 }), caches(one, { storage, seed: 3 })];
        const shared = {
          qkv: randomF32(one.lengths.length * columnsOf(one), 1, 1.5),
          table: null,
          maxLength: k.maxLength,
        };
        const full = await decode(commands, one, { ...shared, k: k.values, v: v.values, storage: "f32" });
        const half = await decode(commands, one, { ...shared, k: k.words, v: v.words, storage });
        deepEqual(half.out, full.out);
        deepEqual([half.kCache, half.vCache], [k.words, v.words]);
      });
    }

    for (const one of family === "cpu" ? unrotatedCases : gpuRoundedCases) {
      Deno.test(`attentionDecode() that rotates into a rounded cache has the bits of a float32 cache: ${storage} (${family}): ${nameOf(one)}`, async () => {
        const [k, v] = [caches(one, { storage, seed: 2 }), caches(one, { storage, seed: 3 })];
        const { maxLength } = k;
        const qkv = randomF32(one.lengths.length * columnsOf(one), 1, 1.5);
        const turns = { table: quarterTurns(maxLength, one.headDim), maxLength };
        const kept = roundKv(qkv, { ...one, storage });
        const full = await decode(commands, one, { ...turns, qkv: kept, k: k.values, v: v.values, storage: "f32" });
        const half = await decode(commands, one, { ...turns, qkv, k: k.words, v: v.words, storage });
        deepEqual(half.out, full.out);
        const words = (bits: Uint32Array) => rounded(new Float32Array(Uint32Array.from(bits).buffer), storage).data;
        deepEqual(half.kCache, words(full.kCache));
        deepEqual(half.vCache, words(full.vCache));
        equal(half.overflowed, 0);
        // With any angles, what is stored is what a float32 cache would have, rounded.
        const inverseFrequencies = Float64Array.from(
          { length: one.headDim / 2 },
          (_, i) => 1 / 10 ** (i / one.headDim),
        );
        const angles = { table: ropeTable({ inverseFrequencies, maxPositions: maxLength }), maxLength };
        const exact = await decode(commands, one, { ...angles, qkv, k: k.values, v: v.values, storage: "f32" });
        const near = await decode(commands, one, { ...angles, qkv, k: k.words, v: v.words, storage });
        deepEqual(near.kCache, words(exact.kCache));
        deepEqual(near.vCache, words(exact.vCache));
        const floats = ({ out }: Outcome): Float32Array => new Float32Array(out.buffer);
        assertClose(floats(near), floats(exact), { rtol: 0.05, atol: 0.05 });
      });
    }
  }
}
