import assert from "node:assert/strict";
import { checkRounds, columnGroups, longest, mostRounds } from "../../../kernels/device/rounds.ts";

const CPU = { family: "cpu", lavapipe: null } as const;
const GPU = { family: "gpu", lavapipe: null } as const;

/** Rounds of a lane that adds up `most` rows for each of its columns, with those that end loops. */
function roundsOf(columns: number, most: number): number {
  return columns * (most + 2) + 1;
}

Deno.test("columnGroups() gives one workgroup all columns while their loops have few rounds", () => {
  const sizes = { kernel: "sum", columns: 1024, lanes: 8 };
  assert.equal(columnGroups(CPU, { ...sizes, most: 509 }), 1);
  assert.equal(columnGroups(CPU, { ...sizes, most: 510 }), 2);
  assert.equal(columnGroups(GPU, { ...sizes, most: 1e6 }), 1);
  assert.equal(columnGroups(CPU, { ...sizes, columns: 0, most: 0 }), 1);
});

Deno.test("columnGroups() keeps every lane within what a CPU grants, up to one column a lane", () => {
  for (const columns of [1, 100, 1024, 4096]) {
    for (const most of [1, 500, 4000, 32_766, 32_767, 65_532]) {
      const groups = columnGroups(CPU, { kernel: "sum", columns, lanes: 8, most });
      assert.ok(roundsOf(Math.ceil(columns / 8 / groups), most) <= mostRounds(CPU), `${columns} columns, ${most} rows`);
    }
  }
  assert.throws(() => columnGroups(CPU, { kernel: "sum", columns: 1, lanes: 8, most: 65_533 }), {
    name: "RangeError",
    message:
      'Cannot dispatch "sum": 65533 rows of one index, expected at most 65532: a CPU\'s driver ends longer loops early',
  });
});

Deno.test("checkRounds() allows what is granted, and anything on a GPU", () => {
  checkRounds("sum", { what: "rows", count: 10, most: 10 });
  checkRounds("sum", { what: "rows", count: 1e9, most: mostRounds(GPU) });
  assert.equal(mostRounds({ ...GPU, lavapipe: 22 }), mostRounds(CPU), "lavapipe with a GPU's kernels");
  assert.throws(() => checkRounds("sum", { what: "rows", count: 11, most: 10 }), /11 rows, expected at most 10/);
});

Deno.test("longest() is the largest difference of neighbours", () => {
  assert.equal(longest([0, 2, 2, 7, 8]), 5);
  assert.equal(longest([0]), 0);
});
