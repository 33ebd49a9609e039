import { deepEqual, equal } from "node:assert/strict";
import { gatherRows } from "../../../kernels/rows/gather_rows.ts";
import { quantize } from "../../../kernels/storage/quantize.ts";
import { QUANTIZED, storedBytes } from "../../../kernels/storage/storage.ts";
import { guarded, randomF32, readF32, readU32, release } from "../../_shared/device.ts";
import { families } from "../../_shared/families.ts";
import { storeMatrix } from "../../_shared/stored_matrix.ts";

/** Numbers of all sizes, with groups of zeros, and ones where codes are on the edge between two. */
function numbers(rows: number, columns: number): Float32Array<ArrayBuffer> {
  const values = randomF32(rows * columns, rows + columns).map((w, i) => w * 2 ** (i % 7 * 5 - 24));
  values.fill(0, 0, Math.min(values.length, 40));
  for (let i = 40; i + 8 < values.length; i += 61) values.set([127, 0.5, 1.5, -2.5, -126.5, -127, 63.5, 8], i);
  // Scales in the middle between two binary16.
  for (const [at, middle] of [2049, 2051].entries()) {
    for (const [i, most] of [127, -8].entries()) {
      const first = 64 * (2 * at + i + 2);
      if (first + 64 <= values.length) {
        values.fill(0.25, first, first + 64).fill(most * middle / 2048, first + 9, first + 11);
      }
    }
  }
  return values;
}

for (const { family, commands } of families) {
  for (const storage of QUANTIZED) {
    for (const source of ["f32", "bf16", "f16"] as const) {
      Deno.test(`quantize() makes the host's ${storage} of ${source}, and gatherRows() its numbers (${family})`, async () => {
        for (const [rows, columns] of [[1, 1], [3, 33], [9, 64], [5, 130]] as const) {
          const made = storeMatrix(source, numbers(rows, columns), { rows, columns });
          const expected = storeMatrix(storage, made.values, { rows, columns });
          const bytes = storedBytes(storage, { rows, columns });
          const [data, scales, bad] = [bytes.data, bytes.scales, 4].map((size) => guarded(new Uint32Array(size / 4)));
          const x = guarded(made.data);
          quantize(commands, {
            ...{ data: data!, scales: scales!, storage, bad: bad!, mark: 1, x, sourceStorage: source },
            ...{ firstRow: 0, rows, columns },
          });
          const out = guarded(rows * columns);
          const index = guarded(Uint32Array.from({ length: rows }, (_, i) => i));
          gatherRows(commands, {
            ...{ out, x: data!, storage, scales: scales!, index, rows, sourceRows: rows, columns },
          });
          commands.submit();
          deepEqual(await readU32(data!), expected.data, `${rows}x${columns}`);
          deepEqual(await readU32(scales!), expected.scales);
          equal((await readU32(bad!))[0], 0);
          deepEqual(await readF32(out), expected.values);
          release(data!, scales!, bad!, x, out, index);
        }
      });
    }

    Deno.test(`quantize() makes ${storage} row by row as at once, and tells of what has no scale (${family})`, async () => {
      const [rows, columns] = [4, 70];
      const values = randomF32(rows * columns, 3);
      const expected = storeMatrix(storage, values, { rows, columns });
      const bytes = storedBytes(storage, { rows, columns });
      const [data, scales, bad] = [bytes.data, bytes.scales, 4].map((size) => guarded(new Uint32Array(size / 4)));
      const record = (firstRow: number, row: Float32Array<ArrayBuffer>): void => {
        const x = guarded(row);
        quantize(commands, {
          ...{ data: data!, scales: scales!, storage, bad: bad!, mark: 5, x, sourceStorage: "f32" as const },
          ...{ firstRow, rows: 1, columns },
        });
        commands.submit();
        release(x);
      };
      // Rows 0 and 1 share a word of scales, and so do 2 and 3.
      for (const row of [0, 1, 3, 2]) record(row, values.slice(row * columns, (row + 1) * columns));
      deepEqual(await readU32(data!), expected.data);
      deepEqual(await readU32(scales!), expected.scales);
      for (const wrong of [NaN, Infinity, -Infinity, ...storage === "nf4" ? [] : [1e7]]) {
        for (const place of [33, 69]) {
          device0(bad!);
          record(1, Float32Array.from({ length: columns }, (_, i) => i === place ? wrong : 1));
          equal((await readU32(bad!))[0], 5, String(wrong));
        }
      }
      release(data!, scales!, bad!);
      function device0(slice: typeof bad): void {
        commands.device.write(slice!, new Uint32Array(1));
      }
    });
  }
}
