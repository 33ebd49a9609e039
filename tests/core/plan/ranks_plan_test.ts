import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { planRun } from "../../../core/plan/plan_run.ts";
import type { RunPlan } from "../../../core/plan/plan_types.ts";
import { usualGpu } from "../../../kernels/device/usual_gpu.ts";
import { device } from "../../_shared/device.ts";
import { jsonLines, tinyPairs, writeTinyModel } from "../../_shared/tiny_model.ts";
import { configOf, withInput } from "../loop/_runs.ts";

type Keys = Record<string, unknown>;

async function planOf(dir: string, keys: Keys, ranks?: number): Promise<RunPlan> {
  await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(20)));
  const training = { max_steps: 3, per_device_train_batch_size: 1, gradient_accumulation_steps: 8 };
  const config = await configOf(dir, { pairs: `${dir}/pairs.jsonl`, training, ...keys });
  delete config.data.train;
  return await planRun(config, { device: usualGpu(), time: false, ...(ranks && { ranks: { count: ranks } }) });
}

Deno.test("full fine-tuning holds a rank's part of the moments, adapters all of them, and both send by the formula", () =>
  withInput(async (dir) => {
    await writeTinyModel(`${dir}/model`, { config: { hidden_size: 64, intermediate_size: 256, num_hidden_layers: 8 } });
    for (
      const keys of [{ noise: "none" }, { noise: { update: "joint" } }, { noise: { update: "joint" }, lora: { r: 4 } }]
    ) {
      const [alone, four] = [await planOf(dir, keys), await planOf(dir, keys, 4)];
      equal(alone.ranks, undefined);
      const [before, after] = [alone, four].map(({ stages }) => stages[0]!.parts) as [Keys, Keys];
      const { ranks, shards, steps, exchange, trained, sent, loads, alone: seconds, links } = four.ranks!;
      deepEqual([ranks, shards, steps, seconds], [4, 4, 3, null]);
      const policy = trained.policy.reduce((a, b) => a + b, 0);
      equal(before.gradients, 4 * policy);
      equal(before.moments, 8 * policy);
      deepEqual([after.weights, after.gradients, after.adapter], [before.weights, before.gradients, before.adapter]);
      // The noise generator is a single block, which one rank has.
      equal(after["noise generator"], before["noise generator"]);
      // Whole blocks of 16,384 numbers, of which one rank has a quarter, rounded up.
      const own = trained.policy.reduce(
        (sum, elements) => sum + 16_384 * Math.ceil(Math.ceil(elements / 16_384) / 4),
        0,
      );
      if ("lora" in keys) equal(after.moments, before.moments);
      else ok(Number(after.moments) <= 8 * own && Number(after.moments) > 2 * policy, `${after.moments} of ${policy}`);
      equal(trained.isAdapter, "lora" in keys);
      equal(trained.noise.length, keys.noise === "none" ? 0 : 1);
      equal(sent, 3 * exchange.sent);
      equal(loads.rows, (8 + 8 + 4) / 3);
      ok(loads.heaviest >= loads.tokens / 4 && loads.heaviest < loads.tokens / 2);
      deepEqual(links.map(({ bits, times, efficiency }) => [bits, times, efficiency]), [
        [1e9, null, null],
        [10e9, null, null],
        [100e9, null, null],
      ]);
      equal(links[0]!.wire, 8 * exchange.sent / 1e9 + exchange.collectives * 2 * 50e-6);
    }
  }));

Deno.test("with times measured here a step on ranks has its parts, and one rank holds and sends what one process does", () =>
  withInput(async (dir) => {
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(20)));
    const config = await configOf(dir, { pairs: `${dir}/pairs.jsonl`, noise: "none", training: { max_steps: 2 } });
    delete config.data.train;
    const { ranks } = await planRun(config, { device, ranks: { count: 2, links: [1e9] } });
    const [link] = ranks!.links;
    const { compute, staging, wire } = link!.times!;
    ok(compute > 0 && staging > 0 && wire === link!.wire);
    equal(compute, ranks!.alone! * (ranks!.loads.heaviest / ranks!.loads.tokens));
    equal(link!.efficiency, ranks!.alone! / (2 * (compute + staging + wire)));
    const one = await planRun(config, { device, time: false, ranks: { count: 1 } });
    deepEqual([one.ranks!.exchange.sent, one.ranks!.exchange.down, one.ranks!.links[0]!.wire], [0, 0, 0]);
    equal(one.bytes, (await planRun(config, { device, time: false })).bytes);
    await rejects(planRun(config, { device, ranks: { count: 3 } }), {
      name: "UserError",
      message: "Cannot plan for 3 ranks, expected a power of two of at most 4096",
    });
  }));
