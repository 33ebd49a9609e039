import { deepEqual, equal } from "node:assert/strict";
import type { GenerationConfig } from "../../../core/config/config_types.ts";
import { choiceLogps } from "../../../core/evaluate/choice_logps.ts";
import { generate } from "../../../core/generate/generate.ts";
import { DecodeSession } from "../../../core/generate/decode_session.ts";
import { createAdapter } from "../../../core/model/lora_adapter.ts";
import type { Model } from "../../../core/model/model.ts";
import { pairLogps } from "../../../core/model/row_logps.ts";
import { Pace } from "../../../kernels/device/pace.ts";
import { commands, device } from "../../_shared/device.ts";
import { pairIds, settingsOf, withTinyModel } from "../_tiny.ts";
import { type Ran, run } from "../train/_optimize.ts";

const PAIRS = pairIds(8);

/** Keeps to what it says of a device that nothing is known of. */
class UnknownPace extends Pace {
  override fence(): () => void {
    return () => {};
  }
}

/** What `work` gives with a budget of so many seconds a submission on a device that stays unknown, and its submissions. */
async function within<T>(budget: number, work: () => Promise<T>): Promise<{ result: T; submits: number }> {
  const { pace } = device;
  device.pace = new UnknownPace();
  device.pace.budget = budget;
  const before = commands.submitCount;
  try {
    const result = await work();
    return { result, submits: commands.submitCount - before };
  } finally {
    device.pace = pace;
  }
}

/** Checks that `work` gives the same in the fewest submissions, as it is, and in many; returns the submissions of each. */
async function sameInAnyCut(work: () => Promise<unknown>): Promise<{ fewest: number; usual: number; most: number }> {
  const fewest = await within(Infinity, work);
  const usual = await within(new Pace().budget, work);
  const most = await within(1e-12, work);
  const some = await within(2e-5, work);
  for (const { result } of [usual, some, most]) deepEqual(result, fewest.result);
  equal(some.submits > fewest.submits && some.submits < most.submits, true, `${some.submits}`);
  return { fewest: fewest.submits, usual: usual.submits, most: most.submits };
}

async function adapted(model: Model): Promise<Model> {
  const { lora } = await settingsOf({ lora: { r: 4 } });
  const adapter = createAdapter(device, model.config, {
    settings: lora!,
    base: null,
    init: "uniform",
    seed: 3,
    iteration: 0,
  });
  return { ...model, adapter };
}

for (
  const [name, options] of Object.entries({
    dpo: {},
    dnpo: { noise: { update: "joint", learning_rate: 1e-2 } },
    sft: { training: { loss_type: "sft" } },
    "recomputed layers": { training: { gradient_checkpointing: true } },
  })
) {
  Deno.test(`training is the same bytes however it is cut into submissions, and is not cut without need: ${name}`, () =>
    withTinyModel(async ({ dir }) => {
      const training = { max_steps: 3, per_device_train_batch_size: 4, ...Object(options).training };
      let runs = 0;
      const stage = async (): Promise<Omit<Ran, "result">> => {
        const { result: _, ...ran } = await run(dir, { ...options, training, name: `run-${runs++}` });
        return ran;
      };
      const { fewest, usual, most } = await sameInAnyCut(stage);
      equal(usual, fewest);
      // Three steps: two layers of four products and attention, forward and backward, beside the head.
      equal(most > 3 * 2 * 2 * 5, true, `${most}`);
    }));
}

Deno.test("scores are the same however their batches are cut into submissions", () =>
  withTinyModel(async ({ model }) => {
    for (const scorer of [model, await adapted(model)]) {
      const { fewest, usual } = await sameInAnyCut(() => pairLogps(commands, scorer, { pairs: PAIRS }));
      deepEqual([fewest, usual], [1, 1]);
      scorer.adapter?.values.free();
    }
  }));

Deno.test("sampled tokens are the same however prompts and tokens are cut into submissions", () =>
  withTinyModel(async ({ model }) => {
    const settings: GenerationConfig = {
      temperature: 1,
      top_p: 1,
      top_k: 0,
      max_new_tokens: 20,
      batch_size: 8,
      seed: 11,
      kv_cache_dtype: "float32",
    };
    const prompts = PAIRS.map(({ promptIds }, row) => ({ row, promptIds, maxNewTokens: 20 }));
    const { fewest, usual, most } = await sameInAnyCut(() =>
      Array.fromAsync(generate(commands, model, { prompts, settings, iteration: 0, eosIds: [] }))
    );
    // A prefill, and 16 and 4 tokens.
    deepEqual([fewest, usual], [3, 3]);
    // Each of two layers has four products for each token, and the head one.
    equal(most >= 20 * 9, true, `${most}`);
  }));

Deno.test("a chat's tokens are the same however they are cut into submissions", () =>
  withTinyModel(async ({ model }) => {
    const settings = { temperature: 1, top_p: 1, top_k: 0, seed: 11 };
    const text = Array.from({ length: 20 }, (_, i) => 3 + i);
    await sameInAnyCut(async () => {
      const session = new DecodeSession(commands, model, { maxLength: 60, cacheDtype: "float32" });
      const options = { ids: text, maxNewTokens: 16, settings, row: 0, eosIds: [] };
      const ids = (await Array.fromAsync(session.continue(options))).flat();
      session.free();
      return ids;
    });
  }));

Deno.test("a benchmark's choices are the same however they are cut into submissions", () =>
  withTinyModel(async ({ model }) => {
    const documents = PAIRS.map(({ promptIds: context, chosenIds, rejectedIds }) =>
      [chosenIds, rejectedIds].map((continuation) => ({ context, continuation }))
    );
    const { fewest, usual } = await sameInAnyCut(async () => {
      const found = new Map<number, unknown>();
      await choiceLogps(commands, model, {
        documents,
        onDocument: (i, scores) => void found.set(i, scores.map(({ logp, isGreedy }) => [logp, isGreedy])),
      });
      return documents.map((_, i) => found.get(i));
    });
    equal(usual, fewest);
  }));
