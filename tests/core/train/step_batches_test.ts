import { deepEqual, equal } from "node:assert/strict";
import { maxCapacity } from "../../../core/model/device_batch.ts";
import { batchCapacity, planCapacity, stepBatch } from "../../../core/train/step_batches.ts";
import { planOrder } from "../../../core/train/step_order.ts";
import { exampleRows, longestRow, pairRows } from "../../../core/train/training_rows.ts";
import { device } from "../../_shared/device.ts";
import { exampleIds, pairIds } from "../_tiny.ts";

const order = planOrder([0, 1, 2, 3, 4, 5, 6], {
  batch: 4,
  epochs: 1,
  maxSteps: -1,
  shuffle: false,
  seed: 0,
  iteration: 0,
});

Deno.test("stepBatch() cuts a step into micro-batches and counts its tokens as TRL does", () => {
  const pairs = pairIds(7).map((pair) => ({ ...pair, example: pair.example * 2 }));
  const data = pairRows(pairs);
  const batch = stepBatch(data, { order, step: 1, size: 2 });
  deepEqual(batch.shards[0]!.microBatches.map(({ packed }) => packed.lengths.length), [4, 2]);
  deepEqual([batch.rows, batch.examples], [3, [8, 10, 12]]);
  const sum = (count: (pair: typeof pairs[number]) => number): number =>
    pairs.slice(4).reduce((total, pair) => total + count(pair), 0);
  equal(batch.rejectedTokens, sum(({ rejectedIds }) => rejectedIds.length));
  equal(batch.responseTokens, sum(({ chosenIds, rejectedIds }) => chosenIds.length + rejectedIds.length));
  equal(batch.tokens, sum((p) => 2 * p.promptIds.length + p.chosenIds.length + p.rejectedIds.length));
});

Deno.test("stepBatch() of examples has no rejected tokens", () => {
  const rows = exampleIds(7);
  const batch = stepBatch(exampleRows(rows), { order, step: 0, size: 4 });
  equal(batch.rejectedTokens, 0);
  equal(batch.responseTokens, rows.slice(0, 4).reduce((total, row) => total + row.responseIds.length, 0));
  equal(batch.tokens, rows.slice(0, 4).reduce((total, r) => total + r.promptIds.length + r.responseIds.length, 0));
});

Deno.test("planCapacity() holds every micro-batch, and longestRow() the longest of them", () => {
  const pairs = pairIds(7);
  const data = pairRows(pairs);
  const capacity = planCapacity(data, { order, size: 2, device, shuffle: false });
  const { tokens, entries, sequences } = capacity;
  const steps = [0, 1].map((step) => stepBatch(data, { order, step, size: 2 }));
  const batches = steps.flatMap(({ shards }) => shards.flatMap(({ microBatches }) => microBatches));
  deepEqual(capacity, steps.map((step) => batchCapacity(step, device)).reduce(maxCapacity));
  equal(tokens, Math.max(...batches.map(({ packed }) => packed.ids.length)));
  equal(entries, Math.max(...batches.map(({ packed }) => packed.entries.index.length)));
  equal(sequences, 4);
  const lengths = pairs.map((p) => p.promptIds.length + Math.max(p.chosenIds.length, p.rejectedIds.length));
  equal(longestRow(data), Math.max(...lengths));
  const examples = exampleIds(7);
  const long = Math.max(...examples.map((row) => row.promptIds.length + row.responseIds.length));
  equal(longestRow(exampleRows(examples)), long);
});
