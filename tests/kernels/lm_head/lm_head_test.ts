import assert from "node:assert/strict";
import { type Slice, subslice } from "../../../kernels/device/slice.ts";
import { lmHeadBackward, lmHeadForward } from "../../../kernels/lm_head/lm_head.ts";
import { lmHeadNoiseBackward, lmHeadNoiseForward } from "../../../kernels/lm_head/lm_head_noise.ts";
import { type LmHeadNoiseScratch, lmHeadScratch, type LmHeadSizes } from "../../../kernels/lm_head/lm_head_tiles.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { commands, device, guarded, limited, readF32, release } from "../../_shared/device.ts";
import { numericGradient } from "../../_shared/finite_difference.ts";
import {
  type Gradients,
  makeProblem,
  noiseObjective,
  normals,
  objective,
  type Problem,
  reference,
  referenceGradients,
  type Scores,
  selectRows,
  type Shape,
} from "./_lm_head_reference.ts";

function makeScratch(sizes: LmHeadSizes, on = device): LmHeadNoiseScratch {
  const plan = lmHeadScratch(on, sizes);
  const make = (bytes: number): Slice => guarded(new Float32Array(bytes / 4).fill(NaN), "scratch");
  return {
    plan,
    state: make(plan.bytes.state),
    logits: make(plan.bytes.logits),
    noiseLogits: make(plan.bytes.noiseLogits),
  };
}

const START = 0.5;

/** Runs both forwards and both backwards; gradients of weights start at START. */
async function run(
  problem: Problem,
  { tileColumns, tileBytes }: { tileColumns?: number; tileBytes?: number } = {},
): Promise<Record<keyof Scores | keyof Gradients | "plainLogp" | "plainLse", Float32Array>> {
  const { rows, hidden, vocab } = problem;
  const scratch = makeScratch({
    maxRows: rows,
    vocab,
    hidden,
    ...(tileColumns ? { tileColumns } : {}),
    ...(tileBytes ? { tileBytes } : {}),
  });
  const inputs = {
    h: guarded(Float32Array.from(problem.h), "h"),
    weight: guarded(Float32Array.from(problem.weight), "weight"),
    target: guarded(problem.target, "target"),
  };
  const noise = {
    noiseWeight: guarded(Float32Array.from(problem.noiseWeight), "noiseWeight"),
    noiseBias: guarded(Float32Array.from(problem.noiseBias), "noiseBias"),
    example: guarded(problem.example, "example"),
    position: guarded(problem.position, "position"),
  };
  const { x, columns } = problem.noiseInput ?? { x: new Float64Array(0), columns: hidden };
  const low = guarded(Float32Array.from(x), "noise input");
  const sequence = guarded(problem.sequence, "sequence");
  const dlogp = guarded(Float32Array.from(problem.dlogp), "dlogp");
  const outputs = {
    plainLogp: guarded(rows),
    plainLse: guarded(rows),
    logp: guarded(rows),
    lse: guarded(rows),
    logpNoised: guarded(rows),
    lseNoised: guarded(rows),
    sigmaSquared: guarded(rows),
    dh: guarded(rows * hidden),
    dweight: guarded(new Float32Array(vocab * hidden).fill(START)),
    dnoiseWeight: guarded(new Float32Array(vocab * columns).fill(START)),
    dnoiseInput: guarded(problem.noiseInput ? rows * columns : 0),
    dnoiseBias: guarded(new Float32Array(vocab).fill(START)),
  };
  const { seed, iteration, step, maxVariance, varianceScale } = problem;
  const shared = { ...inputs, rows, hidden, vocab, scratch };
  const random = {
    ...noise,
    ...(problem.noiseInput && { noiseInput: { x: low, columns } }),
    seed,
    iteration,
    step,
    maxVariance,
  };
  const { dnoiseInput, ...gradients } = outputs;
  lmHeadForward(commands, { ...shared, logp: outputs.plainLogp, lse: outputs.plainLse });
  lmHeadBackward(commands, { ...shared, ...outputs, lse: outputs.plainLse, sequence, dlogp });
  lmHeadNoiseForward(commands, { ...shared, ...random, ...outputs });
  lmHeadNoiseBackward(commands, {
    ...shared,
    ...random,
    ...gradients,
    ...(problem.noiseInput && { dnoiseInput }),
    sequence,
    dlogpNoised: dlogp,
    varianceScale,
  });
  const results: Partial<Record<keyof typeof outputs, Float32Array>> = {};
  for (const [name, slice] of Object.entries(outputs)) results[name as keyof typeof outputs] = await readF32(slice);
  const { state, logits, noiseLogits } = scratch;
  for (const slice of [state, logits, noiseLogits]) await readF32(slice);
  release(...Object.values(inputs), ...Object.values(noise), ...Object.values(outputs), low, sequence, dlogp);
  release(state, logits, noiseLogits);
  return results as Required<typeof results>;
}

/** The largest magnitude, for tolerances relative to a whole gradient. */
function largest(x: Float64Array): number {
  return x.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
}

const shapes: Shape[] = [
  { rows: 1, hidden: 32, vocab: 45 },
  { rows: 7, hidden: 36, vocab: 67, tileColumns: 64 },
  { rows: 7, hidden: 33, vocab: 515 },
  { rows: 300, hidden: 64, vocab: 515, tileColumns: 128, tileBytes: 64 * 128 * 4 },
  { rows: 7, hidden: 36, vocab: 67, tileColumns: 64, noiseColumns: 1 },
  { rows: 9, hidden: 32, vocab: 131, noiseColumns: 40 },
  { rows: 300, hidden: 64, vocab: 515, tileColumns: 128, tileBytes: 64 * 128 * 4, noiseColumns: 6 },
];

for (const shape of shapes) {
  const { rows, hidden, vocab, noiseColumns } = shape;
  const low = noiseColumns === undefined ? "" : `, noise from ${noiseColumns}`;
  const sizes = `${rows} rows, ${hidden} hidden, ${vocab} vocab${low}`;
  Deno.test(`lmHead forward and backward match float64 at ${sizes}`, async () => {
    const problem = makeProblem(shape);
    const n = normals(problem);
    const got = await run(problem, shape);
    const want = reference(problem, n);
    const close = { rtol: 2e-6, atol: 5e-6 };
    assertClose(got.plainLogp, want.logp, { ...close, label: "logp without noise" });
    assertClose(got.plainLse, want.lse, { ...close, label: "lse without noise" });
    assertClose(got.logp, want.logp, { ...close, label: "logp" });
    assertClose(got.lse, want.lse, { ...close, label: "lse" });
    assertClose(got.logpNoised, want.logpNoised, { rtol: 2e-6, atol: 1e-5, label: "logpNoised" });
    assertClose(got.lseNoised, want.lseNoised, { rtol: 2e-6, atol: 1e-5, label: "lseNoised" });
    assertClose(got.sigmaSquared, want.sigmaSquared, { rtol: 3e-6, label: "sigmaSquared" });
    const gradients = referenceGradients(problem, n);
    for (const name of ["dh", "dweight", "dnoiseWeight", "dnoiseInput", "dnoiseBias"] as const) {
      const start = name === "dh" || name === "dnoiseInput" ? 0 : START;
      const expected = gradients[name].map((x) => x + start);
      assertClose(got[name], expected, { rtol: 1e-5, atol: 1e-6 + 2e-6 * largest(gradients[name]), label: name });
    }
  });
}

Deno.test("lmHead gradients match finite differences across a tile's border", async () => {
  const shape = { rows: 7, hidden: 6, vocab: 67, tileColumns: 64 };
  const problem = makeProblem(shape);
  const n = normals(problem);
  const got = await run(problem, shape);
  const close = { rtol: 2e-5, atol: 2e-6 };
  const minus = (x: Float32Array): number[] => [...x].map((value) => value - START);
  assertClose(got.dh, numericGradient(() => objective(problem), problem.h), { ...close, label: "dh" });
  assertClose(minus(got.dweight), numericGradient(() => objective(problem), problem.weight), {
    ...close,
    label: "dweight",
  });
  assertClose(
    minus(got.dnoiseWeight),
    numericGradient(() => noiseObjective(problem, n), problem.noiseWeight),
    { ...close, label: "dnoiseWeight" },
  );
  assertClose(
    minus(got.dnoiseBias),
    numericGradient(() => noiseObjective(problem, n), problem.noiseBias),
    { ...close, label: "dnoiseBias" },
  );
});

Deno.test("lmHead gradients of the noise's own input match finite differences", async () => {
  const shape = { rows: 7, hidden: 6, vocab: 67, tileColumns: 64, noiseColumns: 3 };
  const problem = makeProblem(shape);
  const n = normals(problem);
  const got = await run(problem, shape);
  assertClose(got.dnoiseInput, numericGradient(() => noiseObjective(problem, n), problem.noiseInput!.x), {
    rtol: 2e-5,
    atol: 2e-6,
  });
});

Deno.test("lmHead gives an entry the same bits whatever other entries there are", async () => {
  const shape = { rows: 150, hidden: 520, vocab: 195, tileColumns: 64, noiseColumns: 20 };
  const problem = makeProblem(shape);
  const all = await run(problem, { ...shape, tileBytes: 64 * 64 * 4 });
  const rows = [3, 64, 70, 127, 128, 149, 0];
  const some = await run(selectRows(problem, rows), shape);
  for (const name of ["plainLogp", "plainLse", "logp", "lse", "logpNoised", "lseNoised", "sigmaSquared"] as const) {
    assert.deepEqual([...some[name]], rows.map((r) => all[name][r]!), name);
  }
  const { hidden } = problem;
  assert.deepEqual([...some.dh], rows.flatMap((r) => [...all.dh.subarray(r * hidden, (r + 1) * hidden)]), "dh");
});

Deno.test("lmHead stays finite and accurate at large logits", async () => {
  const shape = { rows: 7, hidden: 32, vocab: 131, tileColumns: 64 };
  const problem = makeProblem(shape, 1500);
  const n = normals(problem);
  const want = reference(problem, n);
  assert.ok(Math.max(...want.logp.map(Math.abs)) > 2000);
  const got = await run(problem, shape);
  assertClose(got.plainLogp, want.logp, { rtol: 1e-6, atol: 2e-3, label: "logp" });
  assertClose(got.logpNoised, want.logpNoised, { rtol: 1e-6, atol: 2e-3, label: "logpNoised" });
  const gradients = referenceGradients(problem, n);
  assertClose(got.dh, gradients.dh, { rtol: 5e-3, atol: 0.2, label: "dh" });
  assert.ok(got.dnoiseWeight.every(Number.isFinite) && got.dnoiseBias.every(Number.isFinite));
});

Deno.test("lmHeadNoiseForward() keeps σ below its bound at large generator outputs, and exact at small ones", async () => {
  const shape = { rows: 3, hidden: 32, vocab: 67 };
  for (const scale of [1e-4, 1e4]) {
    const problem = makeProblem(shape);
    problem.noiseWeight = problem.noiseWeight.map((x) => Math.fround(x * scale));
    problem.noiseBias = problem.noiseBias.map((x) => Math.fround(x * scale));
    const want = reference(problem, normals(problem));
    const got = await run(problem);
    assertClose(got.sigmaSquared, want.sigmaSquared, { rtol: 5e-6, label: `sigmaSquared at ${scale}` });
    assertClose(got.logpNoised, want.logpNoised, { rtol: 2e-6, atol: 1e-5, label: `logpNoised at ${scale}` });
  }
});

Deno.test("lmHeadBackward() leaves out the gradient that is not asked for", async () => {
  const shape = { rows: 7, hidden: 32, vocab: 67, tileColumns: 64 };
  const problem = makeProblem(shape);
  const both = await run(problem, shape);
  const { rows, hidden, vocab } = problem;
  const scratch = makeScratch({ maxRows: rows, ...shape });
  const slices = {
    h: guarded(Float32Array.from(problem.h)),
    weight: guarded(Float32Array.from(problem.weight)),
    target: guarded(problem.target),
    lse: guarded(both.plainLse as Float32Array<ArrayBuffer>),
    dlogp: guarded(Float32Array.from(problem.dlogp)),
    sequence: guarded(problem.sequence),
  };
  const dh = guarded(rows * hidden);
  const dweight = guarded(new Float32Array(vocab * hidden).fill(START));
  lmHeadBackward(commands, { ...slices, rows, hidden, vocab, scratch, dh });
  lmHeadBackward(commands, { ...slices, rows, hidden, vocab, scratch, dweight });
  assert.deepEqual(await readF32(dh), both.dh);
  assert.deepEqual(await readF32(dweight), both.dweight);
  release(...Object.values(slices), dh, dweight, scratch.state, scratch.logits, scratch.noiseLogits);
});

Deno.test("lmHeadForward() takes a weight larger than one binding", async () => {
  const hidden = 256;
  const limit = 2 ** 22;
  const commands = limited({ maxStorageBufferBindingSize: limit });
  const vocab = Math.floor(limit / (hidden * 4)) + 70;
  const weight = device.alloc(vocab * hidden * 4, "weight");
  // All rows are 0 but the last, whose first value is 3.
  const tail = new Float32Array(hidden * 64);
  const from = Math.floor((vocab * hidden * 4 - tail.byteLength) / 256) * 256;
  tail[vocab * hidden - hidden - from / 4] = 3;
  device.write(subslice(weight, from, tail.byteLength), tail);
  const h = new Float32Array(2 * hidden);
  h[0] = 1;
  h[hidden] = 2;
  const scratch = makeScratch({ maxRows: 2, vocab, hidden }, commands.device);
  const slices = { h: guarded(h), target: guarded(Uint32Array.of(vocab - 1, 5)), logp: guarded(2), lse: guarded(2) };
  lmHeadForward(commands, { ...slices, weight, rows: 2, hidden, vocab, scratch });
  commands.submit();
  const lse = [3, 6].map((z) => Math.log(vocab - 1 + Math.exp(z)));
  assertClose(await readF32(slices.logp), [3 - lse[0]!, -lse[1]!], { rtol: 1e-6 });
  release(weight, ...Object.values(slices), scratch.state, scratch.logits, scratch.noiseLogits);
});

Deno.test("lmHeadScratch() stays within its budget at any size, with tiles that fit one binding", () => {
  for (const vocab of [1, 45, 32000, 151936, 1_000_000]) {
    for (const hidden of [32, 896, 4096, 16384]) {
      for (const maxRows of [1, 300, 100_000]) {
        const { chunkRows, tileColumns, bytes } = lmHeadScratch(device, { maxRows, vocab, hidden });
        assert.ok(bytes.state + bytes.logits + bytes.noiseLogits <= 128 * 2 ** 20);
        assert.ok(bytes.logits <= 32 * 2 ** 20 && bytes.logits === chunkRows * tileColumns * 4);
        assert.ok(Math.max(chunkRows, tileColumns) * hidden * 4 <= device.limits.maxStorageBufferBindingSize);
        assert.ok(chunkRows % 64 === 0 && tileColumns % 64 === 0);
        assert.equal(tileColumns, lmHeadScratch(device, { maxRows: 7, vocab, hidden }).tileColumns);
      }
    }
  }
});

Deno.test("lmHeadScratch() has no more rows at a time than a CPU adds up in one loop", () => {
  const { chunkRows } = lmHeadScratch(device, { maxRows: 200_000, vocab: 64, hidden: 8 });
  assert.equal(chunkRows, device.family === "cpu" ? 65_472 : 131_072);
});

Deno.test("lmHeadNoiseForward() refuses a variance bound that is not above 0", async () => {
  await assert.rejects(run({ ...makeProblem({ rows: 1, hidden: 32, vocab: 45 }), maxVariance: 0 }), {
    name: "RangeError",
    message: "Cannot add noise: maxVariance is 0, expected above 0",
  });
  commands.submit();
});
