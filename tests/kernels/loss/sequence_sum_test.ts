import assert from "node:assert/strict";
import { sequenceSum } from "../../../kernels/loss/sequence_sum.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { commands, guarded, randomF32, readF32, release } from "../../_shared/device.ts";

/** Runs the kernel over sequences of these lengths, one after the other. */
async function run(x: Float32Array<ArrayBuffer>, lengths: readonly number[]): Promise<Float32Array> {
  const starts = new Uint32Array(lengths.length + 1);
  lengths.forEach((length, i) => starts[i + 1] = starts[i]! + length);
  const buffers = { out: guarded(lengths.length), x: guarded(x), starts: guarded(starts) };
  sequenceSum(commands, { ...buffers, sequences: lengths.length });
  const out = await readF32(buffers.out);
  release(...Object.values(buffers));
  return out;
}

const lengths = [1, 7, 0, 300, 16, 17, 64, 1000];

Deno.test("sequenceSum() matches float64 at ragged lengths", async () => {
  const x = randomF32(lengths.reduce((a, b) => a + b, 0), 1, 5);
  let at = 0;
  const want = lengths.map((length) => x.slice(at, at += length).reduce((a, b) => a + b, 0));
  assertClose(await run(x, lengths), want, { rtol: 1e-6, atol: 2e-5 });
});

Deno.test("sequenceSum() gives a sequence the same bits whatever stands around it", async () => {
  const x = randomF32(300, 2, 5);
  const alone = await run(x, [300]);
  const among = await run(Float32Array.of(...randomF32(11, 3), ...x, ...randomF32(5, 4)), [4, 7, 300, 5]);
  assert.equal(among[2], alone[0]);
});

Deno.test("sequenceSum() leaves what stands between its strides", async () => {
  const x = Float32Array.of(1, 2, 3, 4, 5, 6);
  const buffers = { out: guarded(Float32Array.of(-1, -2, -3, -4, -5, -6, -7, -8)), x: guarded(x) };
  const starts = guarded(Uint32Array.of(0, 2, 3, 6));
  sequenceSum(commands, { ...buffers, starts, sequences: 3, stride: 2, offset: 1 });
  assert.deepEqual([...await readF32(buffers.out)], [-1, 3, -3, 3, -5, 15, -7, -8]);
  release(...Object.values(buffers), starts);
});
