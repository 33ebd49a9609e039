import { deepEqual, equal, ok } from "node:assert/strict";
import { StepStore } from "../../../core/run/step_store.ts";

const step = (iteration: number, step: number, loss = step) => ({ iteration, step, values: { loss } });

Deno.test("StepStore holds each step once, as it was added last, in order", () => {
  const store = new StepStore();
  for (const one of [step(1, 1), step(0, 2), step(0, 1), step(0, 2, 9)]) store.add(one);
  deepEqual(store.all(), [step(0, 1), step(0, 2, 9), step(1, 1)]);
  store.clear();
  deepEqual(store.all(), []);
});

Deno.test("StepStore thins evenly what is more than it holds, and always has the last step", () => {
  const store = new StepStore(10);
  for (let i = 1; i <= 100; i++) store.add(step(0, i));
  const numbers = store.all().map(({ step }) => step);
  ok(numbers.length <= 11, `${numbers}`);
  equal(numbers.at(-1), 100);
  equal(store.stride, 16);
  deepEqual(numbers.slice(0, 3), [1, 17, 33]);
});
