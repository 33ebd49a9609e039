import assert from "node:assert/strict";
import { gatherRows, invertIndex, scatterRows } from "../../../kernels/rows/gather_rows.ts";
import { type Storage, STORAGE_FACTS } from "../../../kernels/storage/storage.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { guarded, randomF32, readF32, release } from "../../_shared/device.ts";
import { families } from "../../_shared/families.ts";
import { storeMatrix } from "../../_shared/stored_matrix.ts";

const INDEX = Uint32Array.from([4, 0, 4, 2, 8, 4, 0]);
const SOURCE_ROWS = 9;

for (const { family, commands } of families) {
  for (const columns of [1, 7, 36, 300]) {
    Deno.test(`gatherRows() copies rows of ${columns} by index (${family})`, async () => {
      const x = randomF32(SOURCE_ROWS * columns, 1);
      const expected = [...INDEX].flatMap((t) => [...x.subarray(t * columns, (t + 1) * columns)]);
      const buffers = { out: guarded(INDEX.length * columns), x: guarded(x), index: guarded(INDEX) };
      gatherRows(commands, { ...buffers, rows: INDEX.length, sourceRows: SOURCE_ROWS, columns });
      commands.submit();
      assert.deepEqual([...await readF32(buffers.out)], expected);
      release(...Object.values(buffers));
    });

    Deno.test(`gatherRows() widens stored rows of ${columns + 4} by index (${family})`, async () => {
      const sizes = { rows: SOURCE_ROWS, columns: columns + 4 };
      for (const storage of Object.keys(STORAGE_FACTS) as Storage[]) {
        const made = storeMatrix(storage, randomF32(sizes.rows * sizes.columns, 1), sizes);
        const expected = [...INDEX].flatMap((t) => [
          ...made.values.subarray(t * sizes.columns, (t + 1) * sizes.columns),
        ]);
        const buffers = { out: guarded(expected.length), x: guarded(made.data), index: guarded(INDEX) };
        const scales = made.scales ? { scales: guarded(made.scales) } : {};
        gatherRows(commands, { ...buffers, ...scales, storage, ...sizes, rows: INDEX.length, sourceRows: SOURCE_ROWS });
        commands.submit();
        assert.deepEqual([...await readF32(buffers.out)], expected, storage);
        release(...Object.values(buffers), ...Object.values(scales));
      }
    });

    Deno.test(`scatterRows() adds rows of ${columns} up by index and zeroes the others (${family})`, async () => {
      const dy = randomF32(INDEX.length * columns, 1);
      const expected = new Float64Array(SOURCE_ROWS * columns);
      INDEX.forEach((t, r) => {
        for (let c = 0; c < columns; c++) expected[t * columns + c]! += dy[r * columns + c]!;
      });
      const { starts, entries, most } = invertIndex(INDEX, SOURCE_ROWS);
      const buffers = {
        dx: guarded(SOURCE_ROWS * columns),
        starts: guarded(starts),
        entries: guarded(entries),
        dy: guarded(dy),
      };
      scatterRows(commands, { ...buffers, most, rows: SOURCE_ROWS, columns });
      commands.submit();
      assertClose(await readF32(buffers.dx), expected, { rtol: 1e-6, atol: 2e-7 });
      release(...Object.values(buffers));
    });
  }
}

Deno.test("invertIndex() lists the rows of each index in ascending order", () => {
  const { starts, entries, most } = invertIndex(INDEX, SOURCE_ROWS);
  assert.equal(most, 3);
  assert.deepEqual([...starts], [0, 2, 2, 3, 3, 6, 6, 6, 6, 7]);
  assert.deepEqual([...entries], [1, 6, 3, 0, 2, 5, 4]);
});

Deno.test("invertIndex() refuses an index beyond the rows", () => {
  assert.throws(() => invertIndex([0, 3], 3), {
    name: "RangeError",
    message: "Cannot invert index: entry 1 is 3, expected less than 3",
  });
});
