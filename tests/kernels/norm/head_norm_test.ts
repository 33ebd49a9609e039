import { headNorm, headNormBackward, headNormPartialBytes } from "../../../kernels/norm/head_norm.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { guarded, randomF32, readF32, release } from "../../_shared/device.ts";
import { families } from "../../_shared/families.ts";
import { numericGradient } from "../../_shared/finite_difference.ts";

const EPS = 1e-6;

const cases = [
  { tokens: 1, heads: 1, kvHeads: 1, headDim: 6 },
  { tokens: 33, heads: 3, kvHeads: 1, headDim: 10 },
  { tokens: 17, heads: 4, kvHeads: 2, headDim: 12 },
  { tokens: 50, heads: 2, kvHeads: 2, headDim: 64 },
  // Heads of few numbers, and wider ones than a workgroup takes as a tile.
  { tokens: 100, heads: 3, kvHeads: 2, headDim: 3 },
  { tokens: 2, heads: 2, kvHeads: 1, headDim: 258 },
];

type Sizes = (typeof cases)[number];

interface Inputs {
  qkv: ArrayLike<number>;
  qWeight: ArrayLike<number>;
  kWeight: ArrayLike<number>;
}

/** Calls `visit` for each q and k head with its weight's index (0: q, 1: k) and offset. */
function eachHead({ tokens, heads, kvHeads, headDim }: Sizes, visit: (kind: 0 | 1, at: number) => void): void {
  for (let t = 0; t < tokens; t++) {
    for (let h = 0; h < heads + kvHeads; h++) {
      visit(h < heads ? 0 : 1, (t * (heads + 2 * kvHeads) + h) * headDim);
    }
  }
}

function forward({ qkv, qWeight, kWeight }: Inputs, sizes: Sizes): { y: Float64Array; invRms: number[] } {
  const y = Float64Array.from(qkv);
  const invRms: number[] = [];
  eachHead(sizes, (kind, at) => {
    let sum = 0;
    for (let d = 0; d < sizes.headDim; d++) sum += qkv[at + d]! ** 2;
    const inv = 1 / Math.sqrt(sum / sizes.headDim + EPS);
    invRms.push(inv);
    for (let d = 0; d < sizes.headDim; d++) y[at + d] = qkv[at + d]! * inv * [qWeight, kWeight][kind]![d]!;
  });
  return { y, invRms };
}

function backward({ qkv, qWeight, kWeight }: Inputs, dy: ArrayLike<number>, sizes: Sizes): Record<
  "dqkv" | "dqWeight" | "dkWeight",
  Float64Array
> {
  const dqkv = Float64Array.from(dy);
  const dqWeight = new Float64Array(sizes.headDim);
  const dkWeight = new Float64Array(sizes.headDim);
  const { invRms } = forward({ qkv, qWeight, kWeight }, sizes);
  let row = 0;
  eachHead(sizes, (kind, at) => {
    const inv = invRms[row++]!;
    const weight = [qWeight, kWeight][kind]!;
    const dWeight = [dqWeight, dkWeight][kind]!;
    let sum = 0;
    for (let d = 0; d < sizes.headDim; d++) sum += dy[at + d]! * weight[d]! * qkv[at + d]!;
    for (let d = 0; d < sizes.headDim; d++) {
      dqkv[at + d] = inv * dy[at + d]! * weight[d]! - inv ** 3 * sum / sizes.headDim * qkv[at + d]!;
      dWeight[d]! += dy[at + d]! * qkv[at + d]! * inv;
    }
  });
  return { dqkv, dqWeight, dkWeight };
}

for (const sizes of cases) {
  const { tokens, heads, kvHeads, headDim } = sizes;
  const name = `${tokens} tokens, ${heads}/${kvHeads} heads of ${headDim}`;
  const total = tokens * (heads + 2 * kvHeads) * headDim;
  const inputs = { qkv: randomF32(total, 1), qWeight: randomF32(headDim, 2), kWeight: randomF32(headDim, 3) };
  const dy = randomF32(total, 4);

  for (const { family, commands } of families) {
    Deno.test(`headNorm() and its backward match the reference: ${name} (${family})`, async () => {
      const start = randomF32(headDim, 5);
      const buffers = {
        qkv: guarded(inputs.qkv),
        qWeight: guarded(inputs.qWeight),
        kWeight: guarded(inputs.kWeight),
        y: guarded(total),
        invRms: guarded(tokens * (heads + kvHeads)),
        // Longer than the batch, as buffers of a fixed capacity are: what lies behind must not be read.
        dy: guarded(Float32Array.of(...dy, ...Array<number>(40 * headDim).fill(NaN))),
        dqkv: guarded(total),
      };
      const weightGradients = {
        dqWeight: guarded(start),
        dkWeight: guarded(start),
        partial: guarded(headNormPartialBytes(sizes) / 4),
      };
      headNorm(commands, { ...buffers, ...sizes, eps: EPS });
      headNormBackward(commands, { ...buffers, ...sizes, weightGradients });
      commands.submit();
      const { y, invRms } = forward(inputs, sizes);
      const expected = backward(inputs, dy, sizes);
      const plusStart = (x: Float64Array): Float64Array => x.map((value, d) => value + start[d]!);
      assertClose(await readF32(buffers.y), y, { rtol: 1e-6, atol: 1e-7, label: "y" });
      assertClose(await readF32(buffers.invRms), invRms, { rtol: 1e-6, label: "inv_rms" });
      assertClose(await readF32(buffers.dqkv), expected.dqkv, { rtol: 1e-5, atol: 2e-6, label: "dqkv" });
      const { dqWeight, dkWeight, partial } = weightGradients;
      assertClose(await readF32(dqWeight), plusStart(expected.dqWeight), {
        rtol: 1e-5,
        atol: 1e-5,
        label: "dq_weight",
      });
      assertClose(await readF32(dkWeight), plusStart(expected.dkWeight), {
        rtol: 1e-5,
        atol: 1e-5,
        label: "dk_weight",
      });
      await readF32(partial);
      release(...Object.values(buffers), ...Object.values(weightGradients));
    });
  }
}

for (const { family, commands } of families) {
  Deno.test(`headNormBackward() leaves frozen weights out (${family})`, async () => {
    const sizes = cases[2]!;
    const total = sizes.tokens * (sizes.heads + 2 * sizes.kvHeads) * sizes.headDim;
    const inputs = {
      qkv: randomF32(total, 1),
      qWeight: randomF32(sizes.headDim, 2),
      kWeight: randomF32(sizes.headDim, 3),
    };
    const dy = randomF32(total, 4);
    const { invRms } = forward(inputs, sizes);
    const buffers = {
      qkv: guarded(inputs.qkv),
      qWeight: guarded(inputs.qWeight),
      kWeight: guarded(inputs.kWeight),
      invRms: guarded(Float32Array.from(invRms)),
      dy: guarded(dy),
      dqkv: guarded(total),
    };
    headNormBackward(commands, { ...buffers, ...sizes });
    commands.submit();
    assertClose(await readF32(buffers.dqkv), backward(inputs, dy, sizes).dqkv, { rtol: 1e-5, atol: 2e-6 });
    release(...Object.values(buffers));
  });
}

Deno.test("headNorm()'s reference gradient agrees with finite differences", () => {
  const sizes = { tokens: 2, heads: 2, kvHeads: 1, headDim: 6 };
  const total = 2 * 4 * 6;
  const [qkv, qWeight, kWeight, dy] = [total, 6, 6, total].map((n, i) => Float64Array.from(randomF32(n, i + 1)));
  const inputs = { qkv: qkv!, qWeight: qWeight!, kWeight: kWeight! };
  const loss = (): number => forward(inputs, sizes).y.reduce((sum, y, i) => sum + y * dy![i]!, 0);
  const expected = backward(inputs, dy!, sizes);
  assertClose(expected.dqkv, numericGradient(loss, inputs.qkv), { rtol: 1e-6, atol: 1e-8 });
  assertClose(expected.dqWeight, numericGradient(loss, inputs.qWeight), { rtol: 1e-6, atol: 1e-8 });
  assertClose(expected.dkWeight, numericGradient(loss, inputs.kWeight), { rtol: 1e-6, atol: 1e-8 });
});
