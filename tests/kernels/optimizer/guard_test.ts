import assert from "node:assert/strict";
import type { Slice } from "../../../kernels/device/slice.ts";
import { allocControls, controlOf, parseControl, writeControl } from "../../../kernels/optimizer/control.ts";
import { finishNorm, squaredNorm, squaredNormPartials } from "../../../kernels/optimizer/gradient_norm.ts";
import { guard } from "../../../kernels/optimizer/guard.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { commands, device, guarded, randomF32, readF32, release } from "../../_shared/device.ts";
import { families } from "../../_shared/families.ts";

const BETAS = [0.9, 0.999] as const;

/** Records a norm of `value` for a group. */
async function setNorm(control: Slice, value: number): Promise<void> {
  const partials = device.upload(new Float32Array([value * value]), "partials");
  finishNorm(commands, { control, partials, count: 1, maxNorm: 0 });
  commands.submit();
  await device.sync();
  release(partials);
}

for (const { family, commands } of families) {
  for (const counts of [[1], [16384, 7], [100_000, 16385, 0, 12]]) {
    Deno.test(`squaredNorm() and finishNorm() give the norm and factor of [${counts}] elements (${family})`, async () => {
      const data = counts.map((count, i) => randomF32(count, i + 1));
      const chunks = data.map((g) => ({ gradients: guarded(g), count: g.length }));
      const count = squaredNormPartials(counts);
      const partials = guarded(count);
      const controls = allocControls(device, 2);
      const norm = Math.sqrt(data.reduce((sum, g) => g.reduce((s, x) => s + x * x, sum), 0));
      squaredNorm(commands, { partials, chunks });
      finishNorm(commands, { control: controlOf(controls, 0), partials, count, maxNorm: norm / 4 });
      finishNorm(commands, { control: controlOf(controls, 1), partials, count, maxNorm: norm * 2 });
      commands.submit();
      const bytes = await device.readAll([controlOf(controls, 0), controlOf(controls, 1)]);
      const [clipped, kept] = bytes.map(parseControl);
      assertClose(clipped!.norm, norm, { rtol: 1e-6, label: "norm" });
      assertClose(clipped!.factor, norm / 4 / (norm + 1e-6), { rtol: 1e-6, label: "factor" });
      assert.equal(kept!.factor, 1);
      await readF32(partials);
      release(partials, controls, ...chunks.map(({ gradients }) => gradients));
    });
  }
}

Deno.test("finishNorm() clips nothing where max_norm is 0", async () => {
  const controls = allocControls(device, 1);
  await setNorm(controlOf(controls, 0), 1e6);
  assert.equal(parseControl(await device.read(controls)).factor, 1);
  release(controls);
});

Deno.test("guard() lets finite steps through, counts them for Adam and writes the norms", async () => {
  const controls = allocControls(device, 2);
  await setNorm(controlOf(controls, 0), 3);
  await setNorm(controlOf(controls, 1), 4);
  const metrics = guarded(new Float32Array([9, 9, 0.5, 9, 9]));
  for (let step = 0; step < 3; step++) {
    guard(commands, { controls, metrics, lossSlot: 2, normSlots: [4, 0], step, betas: BETAS });
  }
  assert.deepEqual([...await readF32(metrics)], [4, 9, 0.5, 9, 3]);
  for (const group of [0, 1]) {
    const { apply, t, firstBadStep, badCount } = parseControl(await device.read(controlOf(controls, group)));
    assert.deepEqual({ apply, t, firstBadStep, badCount }, { apply: true, t: 3, firstBadStep: undefined, badCount: 0 });
  }
  release(controls, metrics);
});

Deno.test("guard() of one group leaves the others' records alone", async () => {
  const controls = allocControls(device, 2);
  const before = await device.read(controlOf(controls, 0));
  const metrics = guarded(new Float32Array([0.5, 0]));
  guard(commands, {
    controls: controlOf(controls, 1),
    metrics,
    lossSlot: 0,
    normSlots: [1],
    step: 0,
    betas: BETAS,
  });
  commands.submit();
  assert.deepEqual(await device.read(controlOf(controls, 0)), before);
  assert.equal(parseControl(await device.read(controlOf(controls, 1))).t, 1);
  release(controls, metrics);
});

for (const bad of [NaN, Infinity, -Infinity]) {
  for (const where of ["loss", "first norm", "second norm"]) {
    Deno.test(`guard() skips all groups where the ${where} is ${bad}`, async () => {
      const controls = allocControls(device, 2);
      const metrics = guarded(new Float32Array([0.5, 0, 0]));
      const step = async (at: number, value: number): Promise<void> => {
        device.write(metrics, new Float32Array([where === "loss" ? value : 0.5]));
        await setNorm(controlOf(controls, 0), where === "first norm" ? value : 1);
        await setNorm(controlOf(controls, 1), where === "second norm" ? value : 1);
        guard(commands, { controls, metrics, lossSlot: 0, normSlots: [1, 2], step: at, betas: BETAS });
        commands.submit();
      };
      await step(6, 1);
      await step(7, bad);
      await step(8, bad);
      for (const group of [0, 1]) {
        const record = parseControl(await device.read(controlOf(controls, group)));
        assert.deepEqual(
          { apply: record.apply, t: record.t, firstBadStep: record.firstBadStep, badCount: record.badCount },
          { apply: false, t: 1, firstBadStep: 7, badCount: 2 },
        );
      }
      await step(9, 1);
      const { apply, t, badCount } = parseControl(await device.read(controlOf(controls, 0)));
      assert.deepEqual({ apply, t, badCount }, { apply: true, t: 2, badCount: 2 });
      release(controls, metrics);
    });
  }
}

Deno.test("guard() keeps the digits of 1 - beta^t at small and large t", async () => {
  const controls = allocControls(device, 1);
  const metrics = guarded(new Float32Array([0.5, 0]));
  for (const betas of [BETAS, [0, 0.95], [0.5, 0.99999]] as const) {
    for (const t of [1, 2, 10, 300, 499, 1000, 100_000]) {
      writeControl(device, controls, { t: t - 1, badCount: 0 });
      guard(commands, { controls, metrics, lossSlot: 0, normSlots: [1], step: 0, betas });
      commands.submit();
      const words = new Float32Array(await device.read(controls));
      assertClose(words.subarray(4, 6), betas.map((beta) => -Math.expm1(t * Math.log(beta))), {
        rtol: 3e-7,
        label: `t ${t}`,
      });
    }
  }
  release(controls, metrics);
});
