import assert from "node:assert/strict";
import { adamw } from "../../../kernels/optimizer/adamw.ts";
import { allocControls, controlOf } from "../../../kernels/optimizer/control.ts";
import { finishNorm, squaredNorm, squaredNormPartials } from "../../../kernels/optimizer/gradient_norm.ts";
import { guard } from "../../../kernels/optimizer/guard.ts";
import { rmsprop } from "../../../kernels/optimizer/rmsprop.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { device, guarded, limited, randomF32, readF32, release } from "../../_shared/device.ts";
import { families } from "../../_shared/families.ts";

const STEPS = 300;
const MAX_NORM = 25;
const BETAS = [0.9, 0.999] as const;
const SETTINGS = { eps: 1e-8, weightDecay: 0.1 };
// Ragged and vec4 chunks, with the decayed part ending within either.
const CHUNKS = [{ count: 1003, decayed: 501 }, { count: 512, decayed: 256 }, { count: 64, decayed: 7 }];

interface Float64State {
  p: Float64Array;
  m: Float64Array;
  v: Float64Array;
}

function rate(step: number): number {
  return 1e-3 * (1 - step / STEPS);
}

function gradientsAt(step: number, chunk: number): Float32Array<ArrayBuffer> {
  // The scale changes, so that some steps are clipped and others are not.
  return randomF32(CHUNKS[chunk]!.count, 1000 * chunk + step + 1, step % 3 === 0 ? 1 : 0.3);
}

/** torch.nn.utils.clip_grad_norm_'s factor, in float64. */
function clipFactor(norm: number, maxNorm: number): number {
  return maxNorm > 0 && norm > maxNorm ? maxNorm / (norm + 1e-6) : 1;
}

/** torch.optim.AdamW's single-tensor step, in float64. */
function referenceAdamW({ p, m, v }: Float64State, g: Float64Array, { t, lr, decayed }: Record<string, number>): void {
  const [beta1, beta2] = BETAS;
  const stepSize = lr! / (1 - beta1 ** t!);
  const root = Math.sqrt(1 - beta2 ** t!);
  for (let i = 0; i < p.length; i++) {
    if (i < decayed!) p[i]! *= 1 - lr! * SETTINGS.weightDecay;
    m[i]! += (g[i]! - m[i]!) * (1 - beta1);
    v[i] = v[i]! * beta2 + (1 - beta2) * g[i]! * g[i]!;
    p[i]! -= stepSize * m[i]! / (Math.sqrt(v[i]!) / root + SETTINGS.eps);
  }
}

/** torch.optim.RMSprop's single-tensor step, in float64. */
function referenceRmsProp({ p, v }: Float64State, g: Float64Array, { lr, decayed }: Record<string, number>): void {
  for (let i = 0; i < p.length; i++) {
    const gradient = g[i]! + (i < decayed! ? SETTINGS.weightDecay * p[i]! : 0);
    v[i] = v[i]! * 0.99 + (1 - 0.99) * gradient * gradient;
    p[i]! -= lr! * gradient / (Math.sqrt(v[i]!) + SETTINGS.eps);
  }
}

for (const { family, commands } of families) {
  for (const name of ["adamw", "rmsprop"] as const) {
    Deno.test(`${name}() follows PyTorch's formulae over ${STEPS} clipped steps (${family})`, async () => {
      const controls = allocControls(device, 1);
      const control = controlOf(controls, 0);
      const metrics = guarded(new Float32Array([0.7, 0]));
      const counts = CHUNKS.map(({ count }) => count);
      const partials = guarded(squaredNormPartials(counts));
      const states = CHUNKS.map(({ count }, i) => ({
        p: Float64Array.from(randomF32(count, 900 + i)),
        m: new Float64Array(count),
        v: new Float64Array(count),
      }));
      const buffers = states.map(({ p }) => ({
        parameters: guarded(Float32Array.from(p)),
        m: guarded(new Float32Array(p.length)),
        v: guarded(new Float32Array(p.length)),
        gradients: guarded(p.length),
      }));
      let clipped = 0;
      for (let step = 0; step < STEPS; step++) {
        const lr = rate(step);
        const gradients = CHUNKS.map((_, i) => gradientsAt(step, i));
        gradients.forEach((g, i) => device.write(buffers[i]!.gradients, g));
        const chunks = buffers.map(({ gradients }, i) => ({ gradients, count: counts[i]! }));
        squaredNorm(commands, { partials, chunks });
        finishNorm(commands, { control, partials, count: squaredNormPartials(counts), maxNorm: MAX_NORM });
        guard(commands, { controls, metrics, lossSlot: 0, normSlots: [1], step, betas: BETAS });
        CHUNKS.forEach((sizes, i) => {
          const call = { ...buffers[i]!, ...sizes, ...SETTINGS, control, lr };
          if (name === "adamw") adamw(commands, { ...call, betas: BETAS });
          else rmsprop(commands, { ...call, alpha: 0.99 });
        });
        commands.submit();

        const norm = Math.sqrt(gradients.reduce((sum, g) => g.reduce((s, x) => s + x * x, sum), 0));
        const factor = clipFactor(norm, MAX_NORM);
        if (factor < 1) clipped++;
        states.forEach((state, i) => {
          const g = Float64Array.from(gradients[i]!, (x) => x * factor);
          const sizes = { t: step + 1, lr, decayed: CHUNKS[i]!.decayed };
          if (name === "adamw") referenceAdamW(state, g, sizes);
          else referenceRmsProp(state, g, sizes);
        });
        if (step === STEPS - 1) {
          assertClose((await readF32(metrics))[1]!, norm, { rtol: 1e-6, label: "norm" });
        }
      }
      assert.ok(clipped > 0 && clipped < STEPS);
      for (let i = 0; i < CHUNKS.length; i++) {
        const { p, m, v } = states[i]!;
        assertClose(await readF32(buffers[i]!.parameters), p, { rtol: 1e-5, atol: 2e-6, label: "parameters" });
        if (name === "adamw") assertClose(await readF32(buffers[i]!.m), m, { rtol: 1e-5, atol: 1e-6, label: "m" });
        assertClose(await readF32(buffers[i]!.v), v, { rtol: 1e-5, label: "v" });
      }
      release(controls, metrics, partials, ...buffers.flatMap((b) => Object.values(b)));
    });

    Deno.test(`${name}() leaves every bit where the guard skips the step (${family})`, async () => {
      const count = 36;
      const controls = allocControls(device, 1);
      const control = controlOf(controls, 0);
      const metrics = guarded(new Float32Array([0.7, 0]));
      const partials = guarded(1);
      const start = [randomF32(count, 1), randomF32(count, 2), randomF32(count, 3).map(Math.abs)];
      const [parameters, m, v] = start.map((data) => guarded(data));
      const gradients = guarded(new Float32Array(count).fill(NaN));
      squaredNorm(commands, { partials, chunks: [{ gradients, count }] });
      finishNorm(commands, { control, partials, count: 1, maxNorm: 1 });
      guard(commands, { controls, metrics, lossSlot: 0, normSlots: [1], step: 0, betas: BETAS });
      const call = { parameters: parameters!, v: v!, gradients, control, count, decayed: 20, lr: 0.1, ...SETTINGS };
      if (name === "adamw") adamw(commands, { ...call, m: m!, betas: BETAS });
      else rmsprop(commands, { ...call, alpha: 0.99 });
      commands.submit();
      assert.deepEqual(await readF32(parameters!), start[0]);
      assert.deepEqual(await readF32(m!), start[1]);
      assert.deepEqual(await readF32(v!), start[2]);
      release(controls, metrics, partials, parameters!, m!, v!, gradients);
    });
  }
}

Deno.test("adamw() decays only what stands before `decayed`, across windows of a buffer larger than one binding", async () => {
  const limit = 2 ** 18;
  const commands = limited({ maxStorageBufferBindingSize: limit });
  const count = Math.ceil(limit / 4) + 100;
  const decayed = count - 52;
  const controls = allocControls(device, 1);
  const metrics = guarded(new Float32Array([0.7, 0]));
  const partials = guarded(squaredNormPartials([count]));
  const flat = (label: string) => device.alloc(count * 4, label);
  const [parameters, m, v, gradients] = ["p", "m", "v", "g"].map(flat);
  const tail = new Float32Array(128).fill(1);
  device.write(parameters!, tail, (count - 128) * 4);
  device.write(gradients!, tail, (count - 128) * 4);
  const control = controlOf(controls, 0);
  squaredNorm(commands, { partials, chunks: [{ gradients: gradients!, count }] });
  finishNorm(commands, { control, partials, count: squaredNormPartials([count]), maxNorm: 0 });
  guard(commands, { controls, metrics, lossSlot: 0, normSlots: [1], step: 0, betas: BETAS });
  const call = { parameters: parameters!, m: m!, v: v!, gradients: gradients!, control, count, decayed };
  adamw(commands, { ...call, lr: 0.5, betas: BETAS, eps: 1e-8, weightDecay: 0.1 });
  commands.submit();
  assertClose((await readF32(metrics))[1]!, Math.sqrt(128), { rtol: 1e-6, label: "norm" });
  const p = new Float32Array(await device.read(parameters!));
  assertClose(p.subarray(count - 128), Float32Array.from(tail, (_, i) => i < 76 ? 0.45 : 0.5), { rtol: 1e-6 });
  assert.equal(p.subarray(0, count - 128).findIndex((x) => x !== 0), -1);
  release(controls, metrics, partials, parameters!, m!, v!, gradients!);
});
