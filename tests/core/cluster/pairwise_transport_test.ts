import { deepStrictEqual, equal, match, rejects } from "node:assert/strict";
import { openLocal } from "../../../core/cluster/local.ts";
import { evenBounds, partOf, type Transport, type WireDtype } from "../../../core/cluster/transport.ts";
import { sumOwnShards } from "../../../core/cluster/tree_sum.ts";
import { addNode } from "../../../core/cluster/tree_sum.ts";
import { AbortedError, CHUNK_BYTES } from "../../../core/cluster/wire.ts";
import { randomNumbers, sameBits, shardValues, treeSum } from "./_ranks.ts";

const DTYPES = ["float32", "bfloat16"] as const satisfies readonly WireDtype[];

/** Bounds [parts + 1] of random parts, some of them empty. */
function raggedBounds(length: number, parts: number, random: () => number): number[] {
  const cuts = Array.from({ length: parts - 1 }, () => Math.floor(random() * (length + 1)));
  return [0, ...cuts.sort((a, b) => a - b), length];
}

function onRanks<T>(ranks: readonly Transport[], work: (rank: Transport) => Promise<T>): Promise<T[]> {
  return Promise.all(ranks.map(work));
}

/** A rank's gradient of a step: the sum of its own shards. */
function ownSum(
  { rank, size }: Transport,
  { shards, dtype }: { shards: readonly Float32Array[]; dtype: WireDtype },
): Promise<Float32Array> {
  const count = shards.length / size;
  return sumOwnShards({
    count,
    create: () => new Float32Array(shards[0]!.length),
    compute: (shard, buffer) => Promise.resolve(buffer.set(shards[rank * count + shard]!)),
    add: (into, from) => Promise.resolve(addNode(into, from, dtype)),
  });
}

Deno.test("the same shards give the same bits on every number of ranks, for any parts", async () => {
  const random = randomNumbers(1);
  for (let trial = 0; trial < 24; trial++) {
    const count = 2 ** Math.floor(random() * 7);
    const length = Math.floor(random() * 200);
    const shards = Array.from({ length: count }, (_, shard) => shardValues(shard, length, trial));
    const dtype = DTYPES[trial % 2]!;
    const expected = treeSum(shards, dtype);
    for (let size = 1; size <= count; size *= 2) {
      const bounds = raggedBounds(length, size, random);
      await onRanks(await openLocal(size), async (transport) => {
        const values = await ownSum(transport, { shards, dtype });
        await transport.reduceScatter(values, bounds, dtype);
        const where = `trial ${trial}: ${count} shards on ${size} ranks, ${dtype}, rank ${transport.rank}`;
        const { part } = transport;
        sameBits(
          values.subarray(bounds[part], bounds[part + 1]),
          expected.subarray(bounds[part], bounds[part + 1]),
          where,
        );
        await transport.allGather(new Uint8Array(values.buffer), bounds.map((bound) => 4 * bound));
        sameBits(values, expected, where);
      });
    }
  }
});

Deno.test("the sums of this test depend on their order, and on the rounding", () => {
  const shards = Array.from({ length: 8 }, (_, shard) => shardValues(shard, 100, 3));
  const byTree = treeSum(shards, "float32");
  const inOrder = shards.reduce((sum, next) => sum.map((value, i) => value + next[i]!));
  const differing = (other: Float32Array): number => byTree.filter((value, i) => value !== other[i]).length;
  equal(differing(inOrder) > 10, true);
  equal(differing(treeSum(shards, "bfloat16")) > 90, true);
});

Deno.test("a rank sends what the formula says: 2(N − 1)/N of the bytes, and half of it in bfloat16", async () => {
  for (let size = 1; size <= 64; size *= 2) {
    const length = 64 * 30;
    const bounds = evenBounds(length, size);
    for (const dtype of DTYPES) {
      const bytes = length * (dtype === "float32" ? 4 : 2);
      await onRanks(await openLocal(size), async (transport) => {
        const before = { ...transport.counters };
        await transport.reduceScatter(shardValues(transport.rank, length, 1), bounds, dtype);
        const unit = dtype === "float32" ? 4 : 2;
        await transport.allGather(new Uint8Array(bytes), bounds.map((bound) => unit * bound));
        const { sent, received } = transport.counters;
        const expected = 2 * (size - 1) / size * bytes;
        deepStrictEqual([sent - before.sent, received - before.received], [expected, expected], `${size} ranks`);
      });
    }
  }
});

Deno.test("of ragged parts a rank sends all but its own to the sum, and receives all but its own when they are gathered", async () => {
  const random = randomNumbers(2);
  for (let size = 1; size <= 64; size *= 2) {
    const length = 500;
    const bounds = raggedBounds(length, size, random);
    const totals = await onRanks(await openLocal(size), async (transport) => {
      const { counters, part } = transport;
      const own = 4 * (bounds[part + 1]! - bounds[part]!);
      const start = { ...counters };
      await transport.reduceScatter(shardValues(transport.rank, length, 1), bounds);
      const middle = { ...counters };
      equal(middle.sent - start.sent, 4 * length - own);
      await transport.allGather(new Uint8Array(4 * length), bounds.map((bound) => 4 * bound));
      equal(counters.received - middle.received, 4 * length - own);
      return { summed: middle.received - start.received, gathered: counters.sent - middle.sent };
    });
    // What one rank receives another has sent.
    const total = (key: "summed" | "gathered"): number => totals.reduce((sum, one) => sum + one[key], 0);
    deepStrictEqual([total("summed"), total("gathered")], Array(2).fill((size - 1) * 4 * length));
  }
});

Deno.test("gathering, broadcasting and waiting work with any number of ranks", async () => {
  const random = randomNumbers(4);
  for (const size of [1, 2, 3, 4, 5, 7, 8, 12, 16, 33, 64]) {
    const bounds = raggedBounds(300, size, random);
    const all = Uint8Array.from({ length: 300 }, (_, i) => i * 7);
    const hosts = Array.from({ length: size }, (_, rank) => `näme${"x".repeat(rank % 3)}${rank}`);
    let arrived = 0;
    await onRanks(await openLocal(size, { hosts }), async (transport) => {
      deepStrictEqual(transport.hosts, hosts);
      const { part, rank } = transport;
      equal(part, partOf(rank, size));
      const bytes = new Uint8Array(300);
      bytes.set(all.subarray(bounds[part], bounds[part + 1]), bounds[part]);
      const { received } = transport.counters;
      await transport.allGather(bytes, bounds);
      deepStrictEqual(bytes, all);
      equal(transport.counters.received - received, 300 - (bounds[part + 1]! - bounds[part]!));
      for (const root of new Set([0, size - 1, size >> 1])) {
        const told = rank === root ? Uint8Array.of(1, 2, root) : new Uint8Array(3);
        await transport.broadcast(told, root);
        deepStrictEqual(told, Uint8Array.of(1, 2, root));
      }
      // Who waits goes on only when all are here.
      await new Promise((resolve) => setTimeout(resolve, rank));
      arrived++;
      await transport.barrier();
      equal(arrived, size);
      await transport.close();
    });
  }
});

Deno.test("parts are dealt so that each rank has one", () => {
  for (let size = 1; size <= 64; size++) {
    deepStrictEqual(new Set(Array.from({ length: size }, (_, rank) => partOf(rank, size))).size, size);
  }
  deepStrictEqual([0, 1, 2, 3, 4, 5, 6, 7].map((rank) => partOf(rank, 8)), [0, 4, 2, 6, 1, 5, 3, 7]);
});

Deno.test("what is larger than a piece comes in pieces", async () => {
  const length = CHUNK_BYTES / 4 + 3;
  const values = [1 / 3, 1 / 7].map((factor) => new Float32Array(2 * length).map((_, i) => i * factor));
  const expected = treeSum(values, "float32");
  const bounds = [0, length, 2 * length];
  await onRanks(await openLocal(2), async (transport) => {
    const own = values[transport.rank]!.slice();
    await transport.reduceScatter(own, bounds);
    await transport.allGather(new Uint8Array(own.buffer), bounds.map((bound) => 4 * bound));
    sameBits(own, expected, `rank ${transport.rank}`);
    const told = transport.rank === 0 ? new Uint8Array(own.buffer) : new Uint8Array(8 * length);
    await transport.broadcast(told, 0);
    sameBits(new Float32Array(told.buffer), expected, "broadcast");
  });
});

Deno.test("a sum over three ranks, and parts that do not fit, are refused before anything is sent", async () => {
  const three = await openLocal(3);
  await rejects(three[0]!.reduceScatter(new Float32Array(3), [0, 1, 2, 3]), {
    name: "UserError",
    message: "Cannot sum over 3 ranks, expected a power of two",
  });
  const [first] = await openLocal(2);
  for (const bounds of [[0, 3], [0, 1, 2], [1, 1, 3], [0, 4, 3], [0, 1.5, 3]]) {
    await rejects(
      first!.reduceScatter(new Float32Array(3), bounds),
      /^RangeError: Cannot cut 3 elements among 2 ranks at/,
    );
    await rejects(first!.allGather(new Uint8Array(3), bounds), /^RangeError: Cannot cut 3 elements among 2 ranks at/);
  }
  await rejects(first!.broadcast(new Uint8Array(3), 2), /^RangeError: Cannot broadcast from rank 2, expected one of 2/);
  await rejects(openLocal(2, { timeout: 0 }), /^RangeError: Cannot wait 0 seconds for other ranks/);
});

Deno.test("one call at a time", async () => {
  const [first, second] = await openLocal(2);
  const both = [first!.barrier(), first!.barrier()];
  await rejects(both[1]!, { name: "TypeError", message: "Cannot begin barrier: barrier is under way on rank 0" });
  await Promise.all([both[0], second!.barrier()]);
});

Deno.test("the rank that waits for one that hangs ends the job, and names it and its host", async () => {
  const hosts = ["alpha", "beta", "gamma", "delta"];
  const ranks = await openLocal(4, { hosts, timeout: 2 });
  // Rank 2 hangs. Ranks 0 and 1 wait for it and for rank 3 in the second round, and rank 3, which is late, in the first.
  const waiting = [0, 1, 3].map(async (rank) => {
    if (rank === 3) await new Promise((resolve) => setTimeout(resolve, 1000));
    await ranks[rank]!.reduceScatter(new Float32Array(8), [0, 2, 4, 6, 8]);
  });
  for (const result of await Promise.allSettled(waiting)) {
    const error = (result as PromiseRejectedResult).reason;
    equal(error instanceof AbortedError, true);
    equal(
      error.message,
      "Cannot go on: rank 2 on gamma failed rank 3 on delta in reduceScatter: no answer within 2 s",
    );
  }
  await rejects(ranks[2]!.barrier(), AbortedError);
});

Deno.test("where ranks disagree about sizes the job ends", async () => {
  const [first, second] = await openLocal(2);
  const results = await Promise.allSettled([
    first!.broadcast(new Uint8Array(3), 0),
    second!.broadcast(new Uint8Array(4), 0),
  ]);
  for (const result of results) {
    match(
      (result as PromiseRejectedResult).reason.message,
      /^Cannot go on: rank 0 on local failed rank 1 on local in broadcast: 3 bytes came, expected 4$/,
    );
  }
});

Deno.test("a rank may end the job for all", async () => {
  const ranks = await openLocal(3);
  const waiting = [ranks[0]!.barrier(), ranks[1]!.barrier()];
  const all = Promise.allSettled([...waiting, ranks[2]!.abort(1, "rank 2 has had enough")]);
  for (const result of await all) {
    deepStrictEqual((result as PromiseRejectedResult).reason, new AbortedError("rank 2 has had enough"));
  }
});
