import { deepEqual, equal, match, ok } from "node:assert/strict";
import { type LengthControlled, lengthControlled, type LengthRow } from "../../../core/evaluate/length_control.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import golden from "./goldens/length_control.json" with { type: "json" };

function rowsOf(preferences: readonly number[], differences: readonly number[]): LengthRow[] {
  return preferences.map((preference, i) => ({ preference, difference: differences[i]! }));
}

for (const [name, expected] of Object.entries(golden)) {
  Deno.test(`lengthControlled() gives scipy's fit of the rows "${name}"`, () => {
    const made = lengthControlled(rowsOf(expected.preferences, expected.differences))!;
    const { rate, stderr, low, high, effect } = expected;
    // A flat likelihood leaves the last digits open.
    for (
      const [ours, theirs] of [
        [made.rate, rate],
        [made.stderr, stderr],
        [made.interval!.low, low],
        [made.interval!.high, high],
        [made.effect, effect],
      ] as const
    ) assertClose(ours!, theirs, { rtol: 1e-7, atol: 1e-12 });
    equal(made.note, null);
  });
}

Deno.test("lengthControlled() of the models in the other order is the rest to 1", () => {
  const { preferences, differences } = golden.longer;
  const there = lengthControlled(rowsOf(preferences, differences))!;
  const back = lengthControlled(rowsOf(preferences.map((value) => 1 - value), differences.map((value) => -value)))!;
  assertClose(back.rate!, 1 - there.rate!, { rtol: 1e-9 });
  assertClose(back.stderr!, there.stderr!, { rtol: 1e-9 });
});

Deno.test("lengthControlled() takes the advantage of length away, and finds none where there is none", () => {
  const { preferences, differences } = golden.longer;
  const plain = preferences.reduce((sum, value) => sum + value, 0) / preferences.length;
  // The rows were drawn with 0.5 at equal lengths.
  const { rate, stderr } = lengthControlled(rowsOf(preferences, differences))!;
  ok(plain > 0.7 && Math.abs(rate! - 0.5) < 2 * stderr!, `${plain} ${rate} ± ${stderr}`);
});

Deno.test("lengthControlled() has a rate or a note where nothing can be fitted, and never NaN", () => {
  const noFit = ({ stderr, interval, effect }: LengthControlled): unknown[] => [stderr, interval, effect];
  equal(lengthControlled([]), null);
  for (
    const [rows, rate, note] of [
      [rowsOf([1, 1, 1], [4, -2, 9]), 1, /^every prompt was won, whatever the lengths$/],
      [rowsOf([0, 0], [4, -2]), 0, /^every prompt was lost, whatever the lengths$/],
      [rowsOf([1, 1], [0, 0]), 1, /^every prompt was won, whatever the lengths$/],
      [rowsOf([1], [0]), 1, /^every prompt was won/],
      [rowsOf([1], [7]), null, /^there is one prompt, so that what length does cannot be told$/],
      [rowsOf([1, 0, 0.5], [-7, -7, -7]), null, /^all answers differ by the same length, so that /],
    ] as const
  ) {
    const made = lengthControlled(rows)!;
    equal(made.rate, rate);
    match(made.note!, note);
    deepEqual(noFit(made), [null, null, null]);
  }
  const one = lengthControlled(rowsOf([0.5], [0]))!;
  deepEqual([one.rate, one.stderr, one.effect, one.note], [0.5, 0.5, 0, null]);
  // Lengths far apart, and a row without the others' weight.
  for (const rows of [rowsOf([1, 0], [1e9, -1e9]), rowsOf([0.5, 1], [0, 1e-9]), rowsOf([1, 0], [1, 1 + 1e-12])]) {
    const { rate, stderr } = lengthControlled(rows)!;
    ok(rate! >= 0 && rate! <= 1 && stderr! >= 0 && Number.isFinite(stderr), `${rate} ${stderr}`);
  }
});
