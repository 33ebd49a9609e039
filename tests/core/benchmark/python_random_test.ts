import { deepEqual, equal, throws } from "node:assert/strict";
import { PythonRandom } from "../../../core/benchmark/python_random.ts";
import goldens from "./goldens/python_calls.json" with { type: "json" };

Deno.test("PythonRandom draws the bits, floats, samples and choices of CPython", () => {
  for (const { seed, bits, floats, samples, chosen } of goldens.draws) {
    const random = new PythonRandom(seed);
    deepEqual([32, 1, 5, 31, 32, 8].map((count) => random.getrandbits(count)), bits, `${seed}`);
    const other = new PythonRandom(seed);
    deepEqual(floats.map(() => other.random()), floats);
    for (const [n, k, expected] of samples as [number, number, number[][]][]) {
      const sampler = new PythonRandom(seed);
      const pool = Array.from({ length: n }, (_, i) => i);
      deepEqual(expected.map(() => sampler.sample(pool, k)), expected, `${seed}: ${k} of ${n}`);
    }
    deepEqual(new PythonRandom(seed).choices([0, 1, 2, 3, 4, 5, 6], 9), chosen);
  }
});

Deno.test("PythonRandom refuses seeds and samples that there are not", () => {
  throws(() => new PythonRandom(-1), /^RangeError: a seed is -1, expected a whole number from 0$/);
  throws(() => new PythonRandom(0.5), RangeError);
  throws(() => new PythonRandom(0).sample([1, 2], 3), /a sample has 3 elements, expected at most the pool's 2/);
  equal(new PythonRandom(0).sample([1], 0).length, 0);
});
