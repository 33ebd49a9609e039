import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import { openLocal } from "../../../core/cluster/local.ts";
import { evenBounds } from "../../../core/cluster/transport.ts";
import type { NoiseConfig } from "../../../core/config/config_types.ts";
import { passesOf, stepExchange } from "../../../core/plan/rank_exchange.ts";
import { loadsOfRanks, rankLoads } from "../../../core/plan/rank_loads.ts";
import { rankSettings } from "../../../core/plan/rank_settings.ts";
import { efficiencyOf, stepTimes } from "../../../core/plan/rank_times.ts";
import { planOrder } from "../../../core/train/step_order.ts";
import { shardPlaces, tokensOf } from "../../../core/train/step_batches.ts";
import { exampleRows, pairRows } from "../../../core/train/training_rows.ts";

/** The config's defaults. */
const distributed = { shards: 1, gradient_dtype: "float32", timeout: 600, gather: false } as const;
const settings = { ranks: 4, shards: 16, gradientDtype: "float32" } as const;

Deno.test("settings come from the config, and where it cuts no steps there is a shard for each rank", () => {
  deepEqual(rankSettings({ distributed }, 8), { ranks: 8, shards: 8, gradientDtype: "float32" });
  deepEqual(rankSettings({ distributed }, 2).shards, 2);
  deepEqual(rankSettings({ distributed: { ...distributed, shards: 32, gradient_dtype: "bfloat16" } }, 8), {
    ranks: 8,
    shards: 32,
    gradientDtype: "bfloat16",
  });
  throws(
    () => rankSettings({ distributed: { ...distributed, shards: 4 } }, 8),
    /^UserError: Cannot deal 4 shards of distributed\.shards to 8 ranks, expected 1, 2, 4 ranks \(or /,
  );
  for (const ranks of [0, 3, 1.5, 8192]) {
    throws(() => rankSettings({ distributed }, ranks), /^UserError: Cannot plan for .* ranks/);
  }
});

/** Chunks: padded to 64 numbers, of up to a few blocks of 16,384. */
const chunks = (most: number) => fc.array(fc.integer({ min: 1, max: 700 }).map((n) => 64 * n), { maxLength: most });

Deno.test("a step sends what the transport counts, on 1 to 64 ranks for chunks of any sizes", () =>
  fc.assert(
    fc.asyncProperty(
      fc.record({
        ranks: fc.integer({ min: 0, max: 6 }).map((power) => 2 ** power),
        gradientDtype: fc.constantFrom("float32" as const, "bfloat16" as const),
        passes: fc.constantFrom(
          { policy: 1, noise: 0, all: 1 },
          { policy: 1, noise: 1, all: 1 },
          { policy: 2, noise: 3, all: 5 },
        ),
        trained: fc.record({ policy: chunks(3), noise: chunks(2), isAdapter: fc.boolean() }),
      }),
      async ({ ranks, gradientDtype, passes, trained }) => {
        const { sent } = stepExchange(trained, { settings: { ranks, shards: ranks, gradientDtype }, passes });
        const counted = await Promise.all((await openLocal(ranks)).map(async (transport) => {
          const before = transport.counters.sent;
          const gather = (count: number, unit: number) =>
            transport.allGather(new Uint8Array(count * unit), evenBounds(count, ranks).map((bound) => unit * bound));
          for (let pass = 0; pass < passes.all; pass++) await gather(ranks, 256);
          for (const group of ["policy", "noise"] as const) {
            for (let pass = 0; pass < passes[group]; pass++) {
              for (const elements of trained[group]) {
                const isShared = group === "policy" && trained.isAdapter;
                const bounds = evenBounds(elements, ranks, isShared ? 64 : 16_384);
                const values = new Float32Array(elements);
                await transport.reduceScatter(values, bounds, gradientDtype);
                if (!isShared) await gather(Math.ceil(elements / 16_384), 4);
                await transport.allGather(new Uint8Array(values.buffer), bounds.map((bound) => 4 * bound));
              }
            }
          }
          return transport.counters.sent - before;
        }));
        equal(sent, Math.max(...counted), `${counted}`);
      },
    ),
    { seed: 19, numRuns: 10 },
  ));

Deno.test("a step's copies and sums, written out", () => {
  const alternating = { update: "alternating", model_steps: 2, noise_steps: 3 } as NoiseConfig;
  deepEqual(passesOf({ noise: "none" }), { policy: 1, noise: 0, all: 1 });
  deepEqual(passesOf({ noise: { update: "joint" } as NoiseConfig }), { policy: 1, noise: 1, all: 1 });
  const passes = passesOf({ noise: alternating });
  deepEqual(passes, { policy: 2, noise: 3, all: 5 });
  const trained = { policy: [1024], noise: [65_536], isAdapter: true };
  const planned = stepExchange(trained, { settings, passes });
  // Metrics, sums and gathered sums of adapters, sums, norms and values of the generator.
  equal(planned.collectives, 5 + 2 * 2 + 3 * 3);
  // A rank gets all gradients down, and of the generator the values of its slice and the four parts of the norm.
  equal(planned.down, 5 * 256 + 2 * 4 * 1024 + 3 * 4 * (65_536 + 16_384 + 4));
  equal(planned.up, 5 * 256 + 2 * 4 * 1024 + 3 * 4 * (65_536 + 4));
  // It adds a half and then a quarter.
  equal(planned.added, 2 * 768 + 3 * 49_152);
  const none = { collectives: 0, sent: 0, down: 0, up: 0, added: 0 };
  deepEqual(stepExchange(trained, { settings: { ...settings, ranks: 1 }, passes }), none);
});

/** Rows of so many tokens. */
const rowsOf = (lengths: readonly number[]) =>
  exampleRows(lengths.map((length, example) => ({ example, promptIds: [1], responseIds: Array(length - 1).fill(2) })));

Deno.test("the loads of ranks are those of the shards they hold, and means over steps", () => {
  deepEqual(loadsOfRanks([4, 9, 5, 4, 7, 5, 1], { ranks: 2, shards: 4 }), [9 + 8, 9 + 9]);
  deepEqual(loadsOfRanks([8], { ranks: 4, shards: 4 }), [8, 0, 0, 0]);
  const order = planOrder([0, 1, 2, 3, 4, 5], {
    batch: 4,
    epochs: 3,
    maxSteps: 0,
    shuffle: false,
    seed: 1,
    iteration: 0,
  });
  const loads = rankLoads(rowsOf([10, 20, 30, 40, 50, 60]), {
    order,
    settings: { ranks: 2, shards: 2, gradientDtype: "float32" },
  });
  // Steps of 10 + 20 + 30 + 40, cut evenly, and of 50 + 60.
  deepEqual(loads, { rows: 3, tokens: 105, heaviest: 55 });
});

Deno.test("rows are dealt as training deals them", () => {
  const rows = pairRows(
    [[3, 1, 4], [1, 5, 9], [2, 6, 5], [3, 5, 8], [9, 7, 9]].map(([prompt, chosen, rejected], example) => ({
      example,
      promptIds: Array(prompt).fill(1),
      chosenIds: Array(chosen).fill(2),
      rejectedIds: Array(rejected).fill(3),
    })),
  );
  const places = [4, 0, 2, 3, 1];
  const tokens = places.map((place) => tokensOf(rows, place));
  deepEqual(tokens, [25, 8, 13, 16, 15]);
  deepEqual(
    loadsOfRanks(tokens, { ranks: 2, shards: 2 }),
    shardPlaces(rows, places, 2).map((own) => own.reduce((sum, place) => sum + tokensOf(rows, place), 0)),
  );
});

Deno.test("a step takes its heaviest rank's work, the copies, the bytes over the wire and 50 µs a message", () => {
  const exchange = { collectives: 4, sent: 1.25e9, down: 2e9, up: 3e9, added: 5e8 };
  const times = stepTimes(exchange, {
    ranks: 8,
    bits: 10e9,
    alone: 80,
    loads: { rows: 64, tokens: 800, heaviest: 125 },
    staging: { down: 1e9, up: 3e9, sum: 1e9 },
  });
  equal(times.compute, 12.5);
  equal(times.staging, 2 + 1 + 0.5);
  // One second for the bytes, and 4 · 3 messages.
  equal(times.wire, 1 + 12 * 50e-6);
  equal(efficiencyOf(times, { ranks: 8, alone: 80 }), 80 / (8 * (12.5 + 3.5 + 1.0006)));
  const none = { collectives: 0, sent: 0, down: 0, up: 0, added: 0 };
  const one = { ranks: 1, bits: 1e9, alone: 80, loads: { rows: 64, tokens: 800, heaviest: 800 } };
  equal(efficiencyOf(stepTimes(none, { ...one, staging: { down: 1, up: 1, sum: 1 } }), one), 1);
});
