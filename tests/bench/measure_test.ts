import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { toJson, toLine, toMarkdown } from "../../bench/bench_table.ts";
import type { Result } from "../../bench/bench_types.ts";
import { checkClose, fitExponent, median, repeatsFor } from "../../bench/measure.ts";
import { assertClose } from "../_shared/assert_close.ts";

const RESULT: Result = {
  name: "matmul/nn/1024",
  unit: "gflops",
  value: 50,
  peers: { "jax-js": 5, torch: 200 },
  ratio: { "jax-js": 10, torch: 0.25 },
};

Deno.test("median() sorts by number and takes the middle, or the mean of two", () => {
  equal(median([10, 9, 100]), 10);
  equal(median([4, 1, 3, 2]), 2.5);
});

Deno.test("fitExponent() finds the power of a power law", () => {
  assertClose([fitExponent([1, 2, 4, 8].map((x) => [x, 3 * x ** 1.5]))], [1.5], { rtol: 1e-12 });
});

Deno.test("checkClose() refuses a NaN, a wrong value and a wrong length", () => {
  checkClose([1, 2], [1, 2.0001], { label: "x" });
  throws(() => checkClose([1, NaN], [1, 2], { label: "x" }), /x: value 1 is NaN, expected 2/);
  throws(() => checkClose([1, 2.1], [1, 2], { label: "x" }), /value 1 is 2.1, expected 2/);
  throws(() => checkClose([1], [1, 2], { label: "x" }), /length is 1, expected 2/);
});

Deno.test("repeatsFor() fills a round though a fence is most of a short run, and leaves a long run alone", async () => {
  const work = (fence: number, each: number) => ({ run: (count: number) => Promise.resolve(fence + count * each) });
  const { count, seconds } = await repeatsFor(work(0.011, 0.001), 0.25);
  ok(seconds >= 0.25 && seconds < 0.6, `${count} in ${seconds} s`);
  deepEqual(await repeatsFor(work(0.011, 0.5), 0.25), { count: 1, seconds: 0.511 });
  equal((await repeatsFor(work(0.011, 0), 0.25)).count, 1000);
});

Deno.test("toJson() writes the value under its unit's name", () => {
  deepEqual(toJson([RESULT]), [{
    name: "matmul/nn/1024",
    gflops: 50,
    peers: { "jax-js": 5, torch: 200 },
    ratio: { "jax-js": 10, torch: 0.25 },
  }]);
});

Deno.test("toLine() and toMarkdown() show value, peers and ratios", () => {
  equal(toLine(RESULT), "matmul/nn/1024: 50.0 GFLOP/s, jax-js 5.00 (10.0x), torch 200 (0.250x)");
  const text = toMarkdown([RESULT], { environment: ["date: today"], notes: ["a note"] });
  deepEqual(text.split("\n").filter((line) => /^(\||-)/.test(line)).map((line) => line.trim()), [
    "- date: today",
    "| case | dnpo | unit | others | ratio |",
    "|---|---|---|---|---|",
    "| matmul/nn/1024 | 50.0 | GFLOP/s | jax-js 5.00<br>torch 200 | 10.0 × jax-js<br>0.250 × torch |",
    "- a note",
  ]);
});
