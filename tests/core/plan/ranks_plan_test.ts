import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { openModelFolder } from "../../../core/checkpoint/model_folder.ts";
import { runOptimize } from "../../../core/loop/single_stages.ts";
import { planTargets } from "../../../core/model/adapter_targets.ts";
import { planRun } from "../../../core/plan/plan_run.ts";
import type { RunPlan } from "../../../core/plan/plan_types.ts";
import { passesOf, stepExchange } from "../../../core/plan/rank_exchange.ts";
import { Rehearsing } from "../../../core/plan/rehearse.ts";
import { largestPart } from "../../../core/plan/trained_chunks.ts";
import { chunkBounds } from "../../../core/train/owned_slices.ts";
import { pairRows } from "../../../core/train/training_rows.ts";
import { readJsonLines } from "../../_shared/trajectory.ts";
import { settingsOf } from "../_tiny.ts";
import { trainOnRanks } from "../train/_ranks.ts";
import { usualGpu } from "../../../kernels/device/usual_gpu.ts";
import { device } from "../../_shared/device.ts";
import { jsonLines, tinyPairs, writeTinyModel } from "../../_shared/tiny_model.ts";
import { withCrew } from "../cluster/_crew.ts";
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
      // The noise generator is a single block, whose moments one rank has: perhaps not the one with most of the others.
      const generator = Number(before["noise generator"] ?? 0);
      if ("lora" in keys) equal(after["noise generator"] ?? 0, generator);
      else ok([generator, generator / 2].some((bytes) => Math.abs(Number(after["noise generator"] ?? 0) - bytes) < 16));
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

Deno.test("training on ranks sends what the plan says, by the transports' counters", () =>
  withInput(async (dir) => {
    const pairs = tinyPairs(8).map(({ prompt_ids, chosen_ids, rejected_ids }, example) => ({
      example,
      promptIds: prompt_ids!,
      chosenIds: chosen_ids!,
      rejectedIds: rejected_ids!,
    }));
    const rows = pairRows(pairs);
    for (
      const { gradientDtype, ...keys } of [
        { gradientDtype: "float32", noise: "none", lora: { r: 4 } },
        { gradientDtype: "bfloat16", noise: { update: "alternating", noise_steps: 2 } },
      ] as const
    ) {
      const sentIn = async (max_steps: number): Promise<number> => {
        const training = { gradient_accumulation_steps: 4, max_steps };
        const ended = await trainOnRanks(dir, {
          keys: { ...keys, training },
          rows,
          shards: 4,
          ranks: 4,
          gradientDtype,
        });
        return Math.max(...ended.map(({ sent }) => sent));
      };
      // What is sent before the first step and after the last does not count.
      const step = (await sentIn(3)) - (await sentIn(2));
      const settings = await settingsOf({ ...keys, training: { per_device_train_batch_size: 2 } });
      const folder = await openModelFolder(`${dir}/model`);
      const plan = settings.lora ? planTargets(folder.config, settings.lora, "the test") : null;
      const { trained } = await new Rehearsing(usualGpu()).optimize(folder, { rows, settings, plan, goesOn: false });
      const ranks = { ranks: 4, shards: 4, gradientDtype };
      equal(step, stepExchange(trained!, { settings: ranks, passes: passesOf(settings) }).sent);
    }
  }));

Deno.test("the planned bytes of a rank are those of the buffers that its trainer makes, and shards of one process count too", () =>
  withInput(async (dir) => {
    // So wide that on a CPU the products over a shard's rows have images.
    await writeTinyModel(`${dir}/model`, { config: { hidden_size: 128, intermediate_size: 512 } });
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(20)));
    const keys = { noise: { update: "joint" }, training: { max_steps: 1, gradient_accumulation_steps: 8 } };
    const config = await configOf(dir, { pairs: `${dir}/pairs.jsonl`, ...keys, distributed: { shards: 4 } });
    delete config.data.train;
    const { bytes, stages } = await planRun(config, { device, time: false });
    await runOptimize(config);
    const lines = await readJsonLines<Record<string, unknown>>(`${config.output_dir}/timings.jsonl`);
    equal(bytes, Math.max(...lines.map((line) => Number(line.device_bytes ?? 0))));
    const whole = await configOf(dir, { pairs: `${dir}/pairs.jsonl`, ...keys, output_dir: `${dir}/whole` });
    delete whole.data.train;
    const alone = (await planRun(whole, { device, time: false })).stages[0]!.parts;
    const noise = 4 * (128 + 1) * 37;
    // Three buffers of all gradients, of which those of the generator, padded, are with it in one process alone.
    const waiting = stages[0]!.parts.gradients! - alone.gradients!;
    ok(waiting > 2 * (alone.gradients! + noise) && waiting < 2 * (alone.gradients! + noise + 512));
  }));

Deno.test("the first of several ranks holds what is planned, but for moments that the rank with the most has more", () =>
  withInput(async (dir) => {
    await writeTinyModel(`${dir}/model`, { config: { hidden_size: 128, intermediate_size: 512 } });
    // Rows of one length, so that no rank has more tokens than another.
    const row = { prompt_ids: [1, 5, 6, 7, 8, 9], chosen_ids: [3, 4, 5, 6, 2], rejected_ids: [7, 8, 9, 10, 2] };
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(new Array(16).fill(row)));
    const training = { max_steps: 2, per_device_train_batch_size: 8 };
    const config = await configOf(dir, { pairs: `${dir}/pairs.jsonl`, training, autotune: false });
    delete config.data.train;
    for (const count of [2, 4]) {
      const cut = { ...config, distributed: { ...config.distributed, shards: count } };
      const { bytes, ranks } = await planRun(cut, { device, time: false, ranks: { count } });
      await withCrew({ ranks: count, isMet: true }, ({ crew }) => runOptimize(cut, { crew, force: true }));
      const lines = await readJsonLines<{ device_bytes?: number }>(`${config.output_dir}/timings.jsonl`);
      const chunks = [...ranks!.trained.policy, ...ranks!.trained.noise];
      const owned = (part: number): number =>
        chunks.map((elements) => chunkBounds(elements, count)).reduce((sum, at) => sum + at[part + 1]! - at[part]!, 0);
      const more = 8 * (owned(largestPart(chunks, count)) - owned(0));
      equal(bytes! - more, Math.max(...lines.map(({ device_bytes = 0 }) => device_bytes)));
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
