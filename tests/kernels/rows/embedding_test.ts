import assert from "node:assert/strict";
import { embedding, embeddingBackward, type EmbeddingIndex, embeddingIndex } from "../../../kernels/rows/embedding.ts";
import { scatterRows } from "../../../kernels/rows/gather_rows.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { device, guarded, limited, randomF32, readF32, release } from "../../_shared/device.ts";
import { families } from "../../_shared/families.ts";

const IDS = Uint32Array.from([44, 3, 0, 3, 17, 44, 3]);
const VOCAB = 45;

function sizesOf({ ids, most }: EmbeddingIndex): { count: number; most: number } {
  return { count: ids.length, most };
}

for (const { family, commands } of families) {
  for (const columns of [7, 36, 300]) {
    Deno.test(`embedding() copies rows of ${columns} by id (${family})`, async () => {
      const weight = randomF32(VOCAB * columns, 1);
      const expected = [...IDS].flatMap((id) => [...weight.subarray(id * columns, (id + 1) * columns)]);
      const buffers = { out: guarded(IDS.length * columns), weight: guarded(weight), ids: guarded(IDS) };
      embedding(commands, { ...buffers, tokens: IDS.length, vocabSize: VOCAB, columns });
      commands.submit();
      assert.deepEqual([...await readF32(buffers.out)], expected);
      release(...Object.values(buffers));
    });

    Deno.test(`embeddingBackward() adds rows of ${columns} up by id (${family})`, async () => {
      const dout = randomF32(IDS.length * columns, 1);
      const before = randomF32(VOCAB * columns, 2);
      const expected = Float64Array.from(before);
      IDS.forEach((id, t) => {
        for (let c = 0; c < columns; c++) expected[id * columns + c]! += dout[t * columns + c]!;
      });
      const index = embeddingIndex(IDS);
      const buffers = {
        dweight: guarded(before),
        ids: guarded(index.ids),
        starts: guarded(index.starts),
        tokens: guarded(index.tokens),
        dout: guarded(dout),
      };
      embeddingBackward(commands, { ...buffers, ...sizesOf(index), vocabSize: VOCAB, columns });
      commands.submit();
      assertClose(await readF32(buffers.dweight), expected, { rtol: 1e-6, atol: 2e-7 });
      release(...Object.values(buffers));
    });
  }
}

for (const { family, commands } of families) {
  Deno.test(`embeddingBackward() and scatterRows() add up all of many rows (${family})`, async () => {
    // On a CPU one workgroup of 8 lanes would take 77,000 rounds of its loops, more than its driver grants.
    const [rows, columns] = [300, 2047];
    const index = embeddingIndex(new Uint32Array(rows));
    const dout = randomF32(rows * columns, 1);
    const expected = new Float32Array(columns); // in the same order
    dout.forEach((d, i) => expected[i % columns]! += d);
    const buffers = {
      dweight: guarded(new Float32Array(columns)),
      dx: guarded(columns),
      ids: guarded(index.ids),
      starts: guarded(index.starts),
      tokens: guarded(index.tokens),
      dout: guarded(dout),
    };
    const { dx, starts, tokens: entries, dout: dy } = buffers;
    embeddingBackward(commands, { ...buffers, ...sizesOf(index), vocabSize: 1, columns });
    scatterRows(commands, { dx, starts, entries, dy, most: index.most, rows: 1, columns });
    commands.submit();
    for (const actual of [await readF32(buffers.dweight), await readF32(dx)]) {
      assert.equal(actual.findIndex((value, i) => value !== expected[i]), -1);
    }
    release(...Object.values(buffers));
  });
}

Deno.test("embeddingIndex() gives distinct ascending ids with their tokens in order", () => {
  const { ids, starts, tokens } = embeddingIndex(IDS);
  assert.deepEqual([...ids], [0, 3, 17, 44]);
  assert.deepEqual([...starts], [0, 1, 4, 5, 7]);
  assert.deepEqual([...tokens], [2, 1, 3, 6, 4, 0, 5]);
  assert.equal(embeddingIndex(IDS).most, 3);
  assert.deepEqual([...embeddingIndex([]).starts], [0]);
});

Deno.test("embedding() and embeddingBackward() reach every row of a weight larger than one binding", async () => {
  const columns = 1004;
  const limit = 2 ** 20;
  const commands = limited({ maxStorageBufferBindingSize: limit });
  const vocabSize = Math.ceil(limit / (columns * 4)) + 100;
  const weight = device.alloc(vocabSize * columns * 4, "weight");
  const ids = Uint32Array.from([vocabSize - 1, 0, vocabSize - 60, vocabSize - 101, vocabSize - 1, vocabSize - 130]);
  const dout = randomF32(ids.length * columns, 1);
  const index = embeddingIndex(ids);
  const buffers = {
    out: guarded(ids.length * columns),
    allIds: guarded(ids),
    ids: guarded(index.ids),
    starts: guarded(index.starts),
    tokens: guarded(index.tokens),
    dout: guarded(dout),
  };
  embeddingBackward(commands, { dweight: weight, ...buffers, ...sizesOf(index), vocabSize, columns });
  embedding(commands, { out: buffers.out, weight, ids: buffers.allIds, tokens: ids.length, vocabSize, columns });
  commands.submit();
  const twice = (t: number): boolean => ids[t] === vocabSize - 1;
  const expected = dout.map((d, i) =>
    twice(Math.floor(i / columns)) ? dout[i % columns]! + dout[4 * columns + i % columns]! : d
  );
  assertClose(await readF32(buffers.out), expected);
  release(weight, ...Object.values(buffers));
});
