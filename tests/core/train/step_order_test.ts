import { deepEqual, equal, notDeepEqual } from "node:assert/strict";
import EPOCH_STEPS from "./goldens/epoch_steps.json" with { type: "json" };
import { type OrderSettings, planOrder } from "../../../core/train/step_order.ts";
import { philox4x32 } from "../../../kernels/random/philox.ts";
import { philoxKey } from "../../../kernels/random/philox_key.ts";

const SETTINGS: OrderSettings = { batch: 4, epochs: 2, maxSteps: -1, shuffle: false, seed: 3, iteration: 1 };
const rows = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

Deno.test("planOrder() takes ⌈rows / batch⌉ steps an epoch, the last one smaller", () => {
  const order = planOrder(rows(10), SETTINGS);
  equal(order.stepsPerEpoch, 3);
  equal(order.steps, 6);
  deepEqual(rows(6).map((step) => order.rowsOf(step)), [
    [0, 1, 2, 3],
    [4, 5, 6, 7],
    [8, 9],
    [0, 1, 2, 3],
    [4, 5, 6, 7],
    [8, 9],
  ]);
});

Deno.test("planOrder() goes round where max_steps asks for more than the epochs have", () => {
  const order = planOrder(rows(5), { ...SETTINGS, maxSteps: 7 });
  equal(order.steps, 7);
  deepEqual(order.rowsOf(6), [0, 1, 2, 3]);
  equal(planOrder(rows(5), { ...SETTINGS, epochs: 0.5 }).steps, 1);
});

Deno.test("planOrder() takes the Trainer's steps for fractions of epochs", () => {
  for (const [count, size, accumulation, epochs, steps] of EPOCH_STEPS as [number, number, number, number, number][]) {
    const order = planOrder(rows(count), { ...SETTINGS, batch: size * accumulation, epochs });
    equal(order.steps, steps, JSON.stringify([count, size, accumulation, epochs]));
  }
});

Deno.test("planOrder() sorts an epoch's rows by Philox's first two words at (example, epoch)", () => {
  // Rows of which some were dropped: the counter is the row's index in its file.
  const examples = [0, 2, 3, 7, 8, 11, 12];
  const order = planOrder(examples, { ...SETTINGS, shuffle: true });
  const key: [number, number] = [3, 1 + 3 * 2 ** 24];
  deepEqual(philoxKey(3, { iteration: 1, purpose: "shuffling" }), key);
  for (const epoch of [0, 1]) {
    const word = (i: number): number => {
      const [first, second] = philox4x32([examples[i]!, epoch, 0, 0], key);
      return first! * 2 ** 32 + second!;
    };
    const expected = rows(7).sort((a, b) => word(a) - word(b));
    deepEqual([0, 1].flatMap((step) => order.rowsOf(2 * epoch + step)), expected);
  }
  notDeepEqual(order.rowsOf(0), order.rowsOf(2));
  deepEqual(
    planOrder(examples, { ...SETTINGS, shuffle: true }).rowsOf(2),
    order.rowsOf(2),
    "whatever was asked before",
  );
});
