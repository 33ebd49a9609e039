import { equal } from "node:assert/strict";
import { responseLogps } from "../../../core/model/row_logps.ts";
import { exampleRows, pairRows } from "../../../core/train/training_rows.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { commands } from "../../_shared/device.ts";
import { assertTrajectory, type Logged } from "../../_shared/trajectory.ts";
import { exampleIds, pairIds, withTinyModel } from "../_tiny.ts";
import { run } from "./_optimize.ts";

const beta = 0.2;
const e = 0.1;
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** Each loss of one pair by TRL's formula from the margin β(Δ⁺ − Δ⁻) and the per-token difference Δ⁺/|y⁺| − Δ⁻/|y⁻|. */
const LOSSES: Record<string, { smoothing?: number; loss: (margin: number, perToken: number) => number }> = {
  sigmoid: { loss: (m) => softplus(-m) },
  hinge: { loss: (m) => Math.max(0, 1 - m) },
  ipo: { loss: (_, perToken) => (perToken - 1 / (2 * beta)) ** 2 },
  robust: { smoothing: e, loss: (m) => ((1 - e) * softplus(-m) - e * softplus(m)) / (1 - 2 * e) },
};
/** What docs/method.md and TRL give where policy and reference are the same. */
const FIRST: Record<string, number> = {
  sigmoid: Math.LN2,
  hinge: 1,
  ipo: (1 / (2 * beta)) ** 2,
  robust: Math.LN2,
};

for (const [loss_type, { smoothing: label_smoothing = 0, loss }] of Object.entries(LOSSES)) {
  Deno.test(`${loss_type} begins at its known value, and every step's loss is its formula's of the logged rewards`, () =>
    withTinyModel(async ({ dir }) => {
      // One pair a step, the same one: what is logged is its own.
      const [pair] = pairIds(1);
      const training = { loss_type, label_smoothing, beta, per_device_train_batch_size: 1, learning_rate: 3e-3 };
      const data = pairRows([pair!]);
      const { lines } = await run(dir, { training, data });
      assertClose(lines[0]!.loss!, FIRST[loss_type]!, { rtol: 1e-6 });
      for (const line of lines) {
        const [chosen, rejected] = [line["rewards/chosen"]!, line["rewards/rejected"]!];
        const perToken = (chosen / pair!.chosenIds.length - rejected / pair!.rejectedIds.length) / beta;
        assertClose(line.loss!, loss(chosen - rejected, perToken), { rtol: 2e-5, label: `step ${line.step}` });
        assertClose(line["rewards/margins"]!, chosen - rejected, { atol: 1e-6 });
      }
      equal(lines.at(-1)!.loss! < lines[0]!.loss! * 0.99, true, "it learns");
    }));
}

Deno.test("hinge, robust and ipo have sigmoid's gradient at the start, times their slopes there", () =>
  withTinyModel(async ({ dir }) => {
    // Responses of one length, so that ipo's gradient too is a multiple.
    const rows = pairIds(6).map((p) => ({
      ...p,
      chosenIds: p.chosenIds.slice(0, 3),
      rejectedIds: p.rejectedIds.slice(0, 3),
    }));
    const norm = async (loss_type: string, label_smoothing = 0): Promise<number> => {
      const training = { loss_type, label_smoothing, beta, max_steps: 1 };
      return (await run(dir, { training, data: pairRows(rows) })).lines[0]!.grad_norm!;
    };
    const sigmoid = await norm("sigmoid");
    // Slopes at a margin of 0: −β/2, −β, −β / (2(1 − 2e)), −2 · 1/(2β) / 3.
    assertClose(await norm("hinge"), 2 * sigmoid, { rtol: 1e-5 });
    assertClose(await norm("robust"), sigmoid, { rtol: 1e-5 });
    assertClose(await norm("robust", e), sigmoid / (1 - 2 * e), { rtol: 1e-5 });
    assertClose(await norm("ipo"), sigmoid * (1 / (3 * beta)) / (beta / 2), { rtol: 1e-5 });
  }));

Deno.test("sft begins at the token-mean cross-entropy of the responses, and learns", () =>
  withTinyModel(async ({ dir, model }) => {
    const rows = exampleIds(8);
    const sums = await responseLogps(commands, model, { rows });
    const tokens = rows.reduce((total, { responseIds }) => total + responseIds.length, 0);
    const cut = { training: { loss_type: "sft" }, data: exampleRows(rows) };
    const { lines, result } = await run(dir, cut);
    assertClose(lines[0]!.loss!, -sums.reduce((a, b) => a + b, 0) / tokens, { rtol: 1e-6 });
    equal(lines.at(-1)!.loss! < lines[0]!.loss! * 0.99, true);
    equal(result.noise, null);
    equal("rewards/margins" in lines[0]!, false, "a loss without pairs logs no rewards");
    const training = { loss_type: "sft", per_device_train_batch_size: 2, gradient_accumulation_steps: 4 };
    assertTrajectory((await run(dir, { ...cut, training })).lines, lines, { label: "accumulated", rtol: 1e-5 });
  }));

Deno.test("a batch of 8 gives the numbers of 4x2, 2x4 and 1x8 accumulation, with noise and with every optimizer", () =>
  withTinyModel(async ({ dir }) => {
    for (const optim of ["adamw", "rmsprop"]) {
      const trained = async (size: number): Promise<Logged[]> => {
        const training = {
          optim,
          per_device_train_batch_size: size,
          gradient_accumulation_steps: 8 / size,
          max_steps: 3,
          weight_decay: 0.1,
        };
        const noise = { update: "joint", learning_rate: 1e-2 };
        // 20 rows: the last batch of an epoch is smaller.
        return (await run(dir, { training, noise, data: pairRows(pairIds(20)) })).lines;
      };
      const whole = await trained(8);
      equal(whole.every((line) => line["noise/variance"]! > 0), true);
      for (const size of [4, 2, 1]) {
        assertTrajectory(await trained(size), whole, { label: `${optim} ${size}x${8 / size}`, rtol: 1e-5 });
      }
    }
  }));
