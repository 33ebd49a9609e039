import assert from "node:assert/strict";
import { PREFERENCE_METRICS, type PreferenceLoss, preferenceLoss } from "../../../kernels/loss/preference_loss.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { commands, guarded, randomF32, readF32, release } from "../../_shared/device.ts";
import { numericGradient } from "../../_shared/finite_difference.ts";

type Metric = typeof PREFERENCE_METRICS[number];

type Formula = "sigmoid" | "hinge" | "ipo" | "robust" | "simpo";

/** The losses that are made of the kernel, each with what it is made of. */
const FORMULAS: Readonly<
  Record<Formula, (beta: number) => Pick<PreferenceLoss, "link" | "factor" | "offset" | "perToken" | "smoothing">>
> = {
  sigmoid: (beta: number) => ({ link: "logistic", factor: beta }),
  hinge: (beta: number) => ({ link: "hinge", factor: beta }),
  ipo: (beta: number) => ({ link: "square", factor: 1, perToken: true, offset: 0.5 / beta }),
  robust: (beta: number) => ({ link: "logistic", factor: beta, smoothing: e }),
  // SimPO's (arXiv 2405.14734) has no reference, which is zero then.
  simpo: (beta: number) => ({ link: "logistic", factor: beta, perToken: true, offset: 0.7 }),
};

const e = Math.fround(0.15);

function slot(name: Metric): number {
  return PREFERENCE_METRICS.indexOf(name);
}

interface Inputs {
  policy: Float64Array;
  reference: Float64Array;
  noised: Float64Array | undefined;
  squares: Float64Array;
  lengths: Uint32Array<ArrayBuffer>;
  formula: Formula;
  beta: number;
  scale: number;
  varianceScale: number;
}

/** ln(1 + e^x) in float64. */
function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** Each pair's loss in float64, the noised reference in place of the clean one where there is one. */
function losses({ policy, reference, noised, lengths, formula, beta }: Inputs): number[] {
  return Array.from({ length: policy.length / 2 }, (_, i) => {
    const chosen = policy[2 * i]! - reference[2 * i]!;
    const rejected = policy[2 * i + 1]! - (noised ? noised[i]! : reference[2 * i + 1]!);
    const m = beta * (chosen - rejected);
    switch (formula) {
      case "sigmoid":
        return softplus(-m);
      case "hinge":
        return Math.max(0, 1 - m);
      case "ipo":
        return (chosen / lengths[2 * i]! - rejected / lengths[2 * i + 1]! - 1 / (2 * beta)) ** 2;
      case "robust":
        return ((1 - e) * softplus(-m) - e * softplus(m)) / (1 - 2 * e);
      case "simpo":
        return softplus(-beta * (chosen / lengths[2 * i]! - rejected / lengths[2 * i + 1]! - 0.7));
    }
  });
}

/** What one call adds to the metrics, in float64. */
function expectedMetrics(inputs: Inputs): number[] {
  const { policy, reference, noised, squares, beta, scale, varianceScale } = inputs;
  const out = new Array<number>(PREFERENCE_METRICS.length).fill(0);
  const add = (name: Metric, value: number): void => {
    out[PREFERENCE_METRICS.indexOf(name)]! += value;
  };
  losses(inputs).forEach((loss, i) => {
    const chosen = beta * (policy[2 * i]! - reference[2 * i]!);
    const rejected = beta * (policy[2 * i + 1]! - reference[2 * i + 1]!);
    add("loss", scale * loss);
    if (noised) add("noise/loss", -scale * loss);
    if (noised) add("noise/variance", varianceScale * squares[i]!);
    add("rewards/chosen", scale * chosen);
    add("rewards/rejected", scale * rejected);
    add("rewards/accuracies", chosen > rejected ? scale : 0);
    add("rewards/margins", scale * (chosen - rejected));
    add("logps/chosen", scale * policy[2 * i]!);
    add("logps/rejected", scale * policy[2 * i + 1]!);
  });
  return out;
}

/** Runs the kernel on f32 copies of the inputs, `times` times over the same metrics. */
async function run(
  inputs: Inputs,
  times = 1,
): Promise<{ dlogp: Float32Array; dnoised: Float32Array; metrics: Float32Array }> {
  const pairs = inputs.policy.length / 2;
  const buffers = {
    dlogp: guarded(2 * pairs),
    dnoised: guarded(pairs),
    metrics: guarded(new Float32Array(PREFERENCE_METRICS.length)),
    policyLogps: guarded(Float32Array.from(inputs.policy)),
    referenceLogps: guarded(Float32Array.from(inputs.reference)),
    lengths: guarded(inputs.lengths),
  };
  const noised = guarded(Float32Array.from(inputs.noised ?? inputs.squares));
  const squares = guarded(Float32Array.from(inputs.squares));
  const { formula, beta, scale, varianceScale } = inputs;
  const noise = inputs.noised ? { noise: { logps: noised, sigmaSquared: squares, varianceScale } } : {};
  for (let i = 0; i < times; i++) {
    preferenceLoss(commands, {
      ...buffers,
      ...noise,
      pairs,
      ...FORMULAS[formula](beta),
      beta,
      scale,
    });
  }
  const out = {
    dlogp: await readF32(buffers.dlogp),
    dnoised: await readF32(buffers.dnoised),
    metrics: await readF32(buffers.metrics),
  };
  release(...Object.values(buffers), noised, squares);
  return out;
}

/** f32 values in a Float64Array, so that both sides compute with the same numbers. */
function draw(
  length: number,
  seed: number,
  { scale = 1, mean = 0 }: { scale?: number; mean?: number } = {},
): Float64Array {
  return Float64Array.from(randomF32(length, seed, scale), (x) => Math.fround(x + mean));
}

function makeInputs(formula: Formula, pairs: number, withNoise: boolean): Inputs {
  return {
    policy: draw(2 * pairs, 1, { scale: 6, mean: -40 }),
    reference: draw(2 * pairs, 2, { scale: 6, mean: -40 }),
    noised: withNoise ? draw(pairs, 3, { scale: 6, mean: -45 }) : undefined,
    squares: draw(pairs, 4, { mean: 9 }),
    lengths: Uint32Array.from({ length: 2 * pairs }, (_, i) => 1 + (i * 7) % 31),
    formula,
    beta: Math.fround(0.3),
    scale: Math.fround(1 / (2 * pairs + 3)),
    varianceScale: Math.fround(1 / 777),
  };
}

for (const formula of Object.keys(FORMULAS) as Formula[]) {
  for (const pairs of [1, 5, 130]) {
    for (const withNoise of [false, true]) {
      const name = `${formula} at ${pairs} pairs${withNoise ? " with noise" : ""}`;
      Deno.test(`preferenceLoss() matches the reference and its finite differences: ${name}`, async () => {
        const inputs = makeInputs(formula, pairs, withNoise);
        const got = await run(inputs);
        const total = (): number => inputs.scale * losses(inputs).reduce((a, b) => a + b, 0);
        const { noised } = inputs;
        assertClose(got.dlogp, numericGradient(total, inputs.policy), { rtol: 2e-5, atol: 1e-7, label: "dlogp" });
        assertClose(got.dnoised, noised ? numericGradient(() => -total(), noised) : new Float64Array(pairs), {
          rtol: 2e-5,
          atol: 1e-7,
          label: "dnoised",
        });
        assertClose(got.metrics, expectedMetrics(inputs), { rtol: 3e-6, atol: 2e-6, label: "metrics" });
      });
    }
  }
}

Deno.test("preferenceLoss() adds to the metrics, so that micro-batches sum to the batch", async () => {
  const inputs = makeInputs("sigmoid", 5, true);
  const { metrics } = await run(inputs, 3);
  assertClose(metrics, expectedMetrics(inputs).map((x) => 3 * x), { rtol: 3e-6, atol: 2e-6 });
});

Deno.test("preferenceLoss() is accurate to f32 at any margin", async () => {
  const margins = [-300, -90, -30, -3, -0.25, -1e-6, 0, 1e-6, 0.25, 3, 10, 30, 80];
  const zeros = new Float64Array(2 * margins.length);
  for (const [i, m] of margins.entries()) {
    const policy = new Float64Array([Math.fround(m), 0]);
    const inputs = { ...makeInputs("sigmoid", 1, false), policy, reference: zeros.subarray(0, 2), beta: 1, scale: 1 };
    const { dlogp, metrics } = await run(inputs);
    const x = policy[0]!;
    assertClose(metrics[0]!, softplus(-x), { rtol: 3e-7, label: `loss at margin ${margins[i]}` });
    assertClose(dlogp[0]!, -1 / (1 + Math.exp(x)), { rtol: 3e-7, atol: 1e-37, label: `slope at margin ${margins[i]}` });
  }
});

Deno.test("preferenceLoss() starts at ln 2 where policy and reference agree, with no pair counted as accurate", async () => {
  const inputs = makeInputs("sigmoid", 8, false);
  const { metrics } = await run({ ...inputs, reference: inputs.policy, scale: 1 / 8 });
  assertClose(metrics[slot("loss")]!, Math.LN2, { rtol: 2e-7 });
  assert.equal(metrics[slot("rewards/accuracies")], 0);
  assert.equal(metrics[slot("rewards/margins")], 0);
});

Deno.test("preferenceLoss() gives hinge no slope beyond its kink", async () => {
  const policy = new Float64Array([1.5, 0, 1, 0, 0.5, 0]);
  const inputs = { ...makeInputs("hinge", 3, false), policy, reference: new Float64Array(6), beta: 1, scale: 1 };
  assert.deepEqual([...(await run(inputs)).dlogp].map((x) => x + 0), [0, 0, 0, 0, -1, 1]);
});

for (const formula of Object.keys(FORMULAS) as Formula[]) {
  Deno.test(`preferenceLoss() lets a NaN through to the loss: ${formula}`, async () => {
    for (const place of [0, 3]) {
      const inputs = makeInputs(formula, 5, true);
      inputs.policy[place] = NaN;
      const bits = new Uint32Array((await run(inputs)).metrics.buffer)[slot("loss")]!;
      assert.ok((bits & 0x7fffffff) > 0x7f800000, `bits of the loss are ${bits.toString(16)}`);
    }
  });
}
