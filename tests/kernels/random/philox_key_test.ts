import { deepEqual, equal } from "node:assert/strict";
import { philoxKey, type Purpose, PURPOSES } from "../../../kernels/random/philox_key.ts";

Deno.test("no two purposes of random numbers have the same number, nor a key of any iteration in common", () => {
  const numbers = Object.values(PURPOSES);
  equal(new Set(numbers).size, numbers.length);
  const last = 2 ** 24 - 1;
  const ends = (Object.keys(PURPOSES) as Purpose[])
    .map((purpose) => [0, last].map((iteration) => philoxKey(7, { iteration, purpose })[1]!))
    .sort(([a], [b]) => a! - b!);
  ends.slice(1).forEach(([first], i) => equal(first! > ends[i]![1]!, true, `purpose ${i + 1} begins after the last`));
});

Deno.test("philoxKey() wraps a seed and the second word to u32", () => {
  deepEqual(philoxKey(2 ** 32 + 3, { iteration: 2, purpose: "shuffling" }), [3, 2 + 3 * 2 ** 24]);
});

Deno.test("docs/method.md lists the purposes", async () => {
  const page = await Deno.readTextFile(new URL("../../../docs/method.md", import.meta.url));
  const listed = [...page.matchAll(/^\| (\d) {7}\| /gm)].map(([, number]) => Number(number));
  deepEqual(listed, Object.values(PURPOSES).toSorted((a, b) => a - b));
});
