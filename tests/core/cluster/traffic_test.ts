import { equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { openLocal } from "../../../core/cluster/local.ts";
import { gatheredBytes, summedBytes } from "../../../core/cluster/traffic.ts";
import { evenBounds, type Transport, type WireDtype } from "../../../core/cluster/transport.ts";

const DTYPES = ["float32", "bfloat16"] as const satisfies readonly WireDtype[];

/** Bytes that a rank's counter says it has sent in some work. */
async function sentIn(transport: Transport, work: () => Promise<void>): Promise<number> {
  const before = transport.counters.sent;
  await work();
  return transport.counters.sent - before;
}

const parts = fc.integer({ min: 0, max: 6 }).chain((power) =>
  fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 2 ** power, maxLength: 2 ** power })
);

Deno.test("parts of any sizes are summed and gathered in the bytes that the formulas say", () =>
  fc.assert(
    fc.asyncProperty(parts, fc.constantFrom(...DTYPES), async (sizes, dtype) => {
      const bounds = [0];
      for (const size of sizes) bounds.push(bounds.at(-1)! + size);
      await Promise.all((await openLocal(sizes.length)).map(async (transport) => {
        const summed = await sentIn(
          transport,
          () => transport.reduceScatter(new Float32Array(bounds.at(-1)!), bounds, dtype),
        );
        equal(summed, summedBytes(bounds, transport.part, dtype));
        const gathered = await sentIn(transport, () => transport.allGather(new Uint8Array(bounds.at(-1)!), bounds));
        equal(gathered, gatheredBytes(bounds, transport.part));
      }));
    }),
    { seed: 18, numRuns: 60 },
  ));

Deno.test("all ranks together send N − 1 vectors in each, half the bytes in bfloat16, and about the same each", () => {
  for (let ranks = 1; ranks <= 1024; ranks *= 2) {
    for (const elements of [1000, 1024, 999_999]) {
      const bounds = evenBounds(elements, ranks);
      const each = (of: (part: number) => number): number[] => Array.from({ length: ranks }, (_, part) => of(part));
      const sum = (bytes: readonly number[]): number => bytes.reduce((a, b) => a + b, 0);
      equal(sum(each((part) => summedBytes(bounds, part))), (ranks - 1) * 4 * elements);
      equal(sum(each((part) => summedBytes(bounds, part, "bfloat16"))), (ranks - 1) * 2 * elements);
      const gathered = each((part) => gatheredBytes(bounds.map((bound) => 4 * bound), part));
      equal(sum(gathered), (ranks - 1) * 4 * elements);
      // (N − 1)/N of the vector, but for parts that differ by an element.
      const even = (ranks - 1) / ranks * 4 * elements;
      ok(gathered.every((bytes) => Math.abs(bytes - even) <= 4 * Math.log2(ranks)));
    }
  }
});
