import { deepEqual, equal, notDeepEqual } from "node:assert/strict";
import { assertClose } from "../../_shared/assert_close.ts";
import { withTinyModel } from "../_tiny.ts";
import { run } from "./_optimize.ts";

const JOINT = { update: "joint", learning_rate: 1e-2, max_variance: 2, alpha: 0.01 };
const ALTERNATING = { ...JOINT, update: "alternating" };
const CONSTANT = { lr_scheduler_type: "constant" };

Deno.test("noise that begins at zero gives every loss its value without noise, and the noise loss its negative", () =>
  withTinyModel(async ({ dir }) => {
    for (const loss_type of ["sigmoid", "hinge", "ipo", "robust"]) {
      const training = { loss_type, max_steps: 1 };
      const plain = (await run(dir, { training })).lines[0]!;
      const noised = (await run(dir, { training, noise: { ...JOINT, init: "zeros" } })).lines[0]!;
      for (const name of ["loss", "grad_norm", "logps/chosen", "logps/rejected", "rewards/margins"]) {
        assertClose(noised[name]!, plain[name]!, { rtol: 1e-6, atol: 1e-7, label: `${loss_type} ${name}` });
      }
      assertClose(noised["noise/loss"]!, -plain.loss!, { rtol: 1e-6 });
      equal(noised["noise/variance"], 0);
      equal(noised["noise/grad_norm"]! > 0, true);
      equal("noise/loss" in plain, false);
    }
  }));

Deno.test("noise grows up to max_variance where that costs nothing, and shrinks where alpha is large", () =>
  withTinyModel(async ({ dir }) => {
    const variances = async (alpha: number): Promise<number[]> => {
      const noise = { ...JOINT, max_variance: 0.5, learning_rate: 0.1, alpha };
      const { lines } = await run(dir, { training: { max_steps: 12, learning_rate: 0, ...CONSTANT }, noise });
      equal(lines.at(-1)!["rewards/margins"], 0, "rewards are against the reference without noise");
      return lines.map((line) => line["noise/variance"]!);
    };
    const free = await variances(0);
    equal(free.every((variance) => variance > 0 && variance <= 0.5), true, `${free}`);
    equal(free.at(-1)! > free[0]! * 1.2, true, `${free}`);
    const costly = await variances(1000);
    equal(costly[0], free[0], "the first variance is that of the first values");
    equal(costly.at(-1)! < free[0]! * 0.8, true, `${costly}`);
  }));

Deno.test("alternating noise takes joint's first step on the noise, then a model step against the noise it made", () =>
  withTinyModel(async ({ dir }) => {
    const training = { max_steps: 2, ...CONSTANT };
    const joint = await run(dir, { training, noise: JOINT });
    const alternating = await run(dir, { training, noise: ALTERNATING });
    for (const name of ["noise/loss", "noise/variance", "noise/grad_norm"]) {
      assertClose(alternating.lines[0]![name]!, joint.lines[0]![name]!, { rtol: 1e-6, label: name });
    }
    // The model's pass draws other noise (Philox's step 1) from the updated generator.
    equal(Math.abs(alternating.lines[0]!.loss! - joint.lines[0]!.loss!) > 1e-4, true);
    equal(Math.abs(alternating.lines[1]!["noise/loss"]! - joint.lines[1]!["noise/loss"]!) > 1e-4, true);
  }));

Deno.test("alternating noise takes noise_steps and model_steps on the one batch, and logs the first of each", () =>
  withTinyModel(async ({ dir }) => {
    // A generator that stays at zero leaves the model's steps: two on one batch are two steps on the same rows.
    const silent = { ...ALTERNATING, init: "zeros", learning_rate: 0 };
    const twice = await run(dir, { training: { max_steps: 2, ...CONSTANT } });
    const once = await run(dir, { training: { max_steps: 1, ...CONSTANT }, noise: { ...silent, model_steps: 2 } });
    once.weights.forEach((chunk, i) => assertClose(chunk, twice.weights[i]!, { rtol: 1e-5, atol: 1e-6 }));
    assertClose(once.lines[0]!.loss!, twice.lines[0]!.loss!, { rtol: 1e-6 });
    assertClose(once.lines[0]!.grad_norm!, twice.lines[0]!.grad_norm!, { rtol: 1e-6 });

    // A frozen model leaves the noise's steps, and no gradient of one group reaches the other.
    const frozen = { max_steps: 1, learning_rate: 0, ...CONSTANT };
    const [one, three] = [
      await run(dir, { training: frozen, noise: { ...ALTERNATING, noise_steps: 1 } }),
      await run(dir, { training: frozen, noise: { ...ALTERNATING, noise_steps: 3 } }),
    ];
    deepEqual(one.weights, three.weights);
    assertClose(three.lines[0]!["noise/loss"]!, one.lines[0]!["noise/loss"]!, { rtol: 1e-6 });
    notDeepEqual(one.noise, three.noise);
    // Adam moves each value by about its rate a step.
    const moved = (a: Float32Array[], b: Float32Array[]): number =>
      Math.max(...a.flatMap((chunk, i) => [...chunk].map((value, j) => Math.abs(value - b[i]![j]!))));
    const start = await run(dir, { training: frozen, noise: { ...ALTERNATING, learning_rate: 0 } });
    assertClose(moved(one.noise, start.noise), 1e-2, { rtol: 0.01 });
    assertClose(moved(three.noise, start.noise), 3e-2, { rtol: 0.05 });
  }));

Deno.test("noise follows the schedule: without a rate at the first warm-up step it stays as it was", () =>
  withTinyModel(async ({ dir }) => {
    const training = { max_steps: 1, warmup_steps: 2, ...CONSTANT };
    const { noise, weights } = await run(dir, { training, noise: JOINT });
    const still = await run(dir, {
      training: { ...training, learning_rate: 0 },
      noise: { ...JOINT, learning_rate: 0 },
    });
    deepEqual(noise, still.noise);
    deepEqual(weights, still.weights);
  }));
