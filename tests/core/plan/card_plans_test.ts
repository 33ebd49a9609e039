import { deepEqual, equal, ok } from "node:assert/strict";
import { type CardPlan, planCards, USABLE_SHARE } from "../../../core/plan/card_plans.ts";
import { planRun } from "../../../core/plan/plan_run.ts";
import { usualGpu } from "../../../kernels/device/usual_gpu.ts";
import { jsonLines, tinyRows, writeTinyModel } from "../../_shared/tiny_model.ts";
import { configOf, withInput } from "../loop/_runs.ts";

/** A card whose usable memory is that many bytes. */
const cardOf = (bytes: number): number => bytes / USABLE_SHARE / 1e9;

type Keys = Record<string, unknown>;

Deno.test("for a card the change that costs least is named, and a plan with it takes the bytes that it says", () =>
  withInput(async (dir) => {
    await writeTinyModel(`${dir}/model`, { config: { num_hidden_layers: 6 } });
    const training = { per_device_train_batch_size: 8, gradient_accumulation_steps: 4 };
    const generation = { max_new_tokens: 6, batch_size: 8, seed: 5 };
    const keys = { method: "spin", lora: { r: 1 }, training, generation };
    const bytesOf = async (changed: Keys): Promise<number> =>
      (await planRun(await configOf(dir, { ...keys, ...changed }), { device: usualGpu(), time: false })).bytes!;
    const light = { training: { ...training, gradient_checkpointing: true } };
    const [whole, recomputed, int8, int4] = [
      await bytesOf({}),
      await bytesOf(light),
      await bytesOf({ ...light, quantization: "int8" }),
      await bytesOf({ ...light, quantization: "int4" }),
    ];
    ok(whole > recomputed && recomputed > int8 && int8 > int4);
    const memories = [whole + 1, recomputed + 1, int8 + 1, int4 + 1, int4 - 1, 1000];
    const config = await configOf(dir, keys);
    const { plan, cards } = await planCards(config, { cards: memories.map(cardOf) });
    equal(plan.bytes, whole);
    deepEqual(plan.speed, null);
    const sets = cards.map(({ set }) => set?.map((item) => item.replace("training.", "")));
    deepEqual(sets.slice(0, 4), [
      [],
      ["gradient_checkpointing=true"],
      ["quantization=int8", "gradient_checkpointing=true"],
      ["quantization=int4", "gradient_checkpointing=true"],
    ]);
    ok(sets[4]!.includes("per_device_train_batch_size=4") && sets[4]!.includes("gradient_accumulation_steps=8"));
    deepEqual(cards[5], { ...cards[5], set: null, bytes: null } as CardPlan);
    for (const [i, { set, bytes, memory }] of cards.slice(0, 5).entries()) {
      equal(memory, memories[i]! <= memory ? memory : memories[i]! - 1);
      ok(bytes! <= memory);
      equal(await bytesOf(changedBy(set!, keys)), bytes);
    }
    // What costs time alone comes first: the rows that are sampled at a time, where generation takes the most.
    const wide = {
      ...keys,
      training: { per_device_train_batch_size: 1, gradient_accumulation_steps: 32 },
      generation: { ...generation, max_new_tokens: 40, batch_size: 64 },
    };
    await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(tinyRows(64)));
    const { plan: { bytes } } = await planCards(await configOf(dir, wide), { cards: [] });
    const [card] = (await planCards(await configOf(dir, wide), { cards: [cardOf(bytes! - 1)] })).cards;
    deepEqual(card!.set, ["generation.batch_size=32"]);
  }));

/** The keys with what `--set` would change. */
function changedBy(set: readonly string[], keys: Keys): Keys {
  const changed: Record<string, Keys> = { training: { ...keys.training as Keys } };
  let quantization: unknown = "none";
  for (const item of set) {
    const [path, value] = item.split("=") as [string, string];
    if (path === "quantization") quantization = value;
    else changed.training![path.replace("training.", "")] = JSON.parse(value);
  }
  return { ...changed, quantization };
}

Deno.test("trained weights are not quantized for a card, and what fits no card is told without bytes", () =>
  withInput(async (dir) => {
    const config = await configOf(dir, { method: "sft" });
    const { cards } = await planCards(config, { cards: [1e-4] });
    deepEqual(cards, [{ gigabytes: 1e-4, memory: 97_000, set: null, bytes: null }]);
    deepEqual((await planCards(config)).cards.map(({ gigabytes, memory, set }) => [gigabytes, memory / 1e9, set]), [
      [8, 7.76, []],
      [12, 11.64, []],
      [16, 15.52, []],
      [24, 23.28, []],
      [48, 46.56, []],
      [80, 77.6, []],
    ]);
  }));
