/** The tiny model on the shared device, rows of ids and settings for the tests of core/. @module */
import { forIteration, type IterationConfig } from "../../core/config/config.ts";
import { loadConfig } from "../../core/config/load_config.ts";
import { loadModel, type Model } from "../../core/model/model.ts";
import type { ExampleIds, PairIds } from "../../core/model/pack.ts";
import { device } from "../_shared/device.ts";
import { tinyPairs, writeTinyModel } from "../_shared/tiny_model.ts";

/** Runs `use` with an empty folder that is removed afterwards. */
export async function withFolder<T>(use: (dir: string) => Promise<T>): Promise<T> {
  const dir = await Deno.makeTempDir({ prefix: "dnpo-" });
  try {
    return await use(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Runs `use` with the tiny model, written to DIR/model and loaded; its weights are freed afterwards. */
export async function withTinyModel<T>(
  use: (tiny: { dir: string; model: Model }) => Promise<T>,
  options: Parameters<typeof writeTinyModel>[1] = {},
): Promise<T> {
  return await withFolder(async (dir) => {
    await writeTinyModel(`${dir}/model`, options);
    const model = await loadModel(device, `${dir}/model`);
    try {
      return await use({ dir, model });
    } finally {
      model.weights.free();
    }
  });
}

/** The shared pairs as training takes them. */
export function pairIds(count: number): PairIds[] {
  return tinyPairs(count).map(({ prompt_ids, chosen_ids, rejected_ids }, example) => ({
    example,
    promptIds: prompt_ids!,
    chosenIds: chosen_ids!,
    rejectedIds: rejected_ids!,
  }));
}

/** The prompts of the pairs, each with its chosen response. */
export function exampleIds(count: number): ExampleIds[] {
  return pairIds(count).map(({ example, promptIds, chosenIds }) => ({ example, promptIds, responseIds: chosenIds }));
}

/** What a config with these keys says for an iteration; every step is logged, in the rows' order. */
export async function settingsOf(
  { training, ...keys }: { training?: Record<string, unknown> } & Record<string, unknown> = {},
  iteration = 0,
): Promise<IterationConfig> {
  const config = await loadConfig(undefined, {
    defaults: { training: { shuffle: false, logging_steps: 1, ...training }, ...keys },
  });
  return forIteration(config, iteration);
}
