import { deepEqual, equal, notDeepEqual, ok } from "node:assert/strict";
import type { GenerationConfig } from "../../../core/config/config_types.ts";
import type { Generated, GenerationPrompt } from "../../../core/generate/batch_generator.ts";
import { generate } from "../../../core/generate/generate.ts";
import type { Model } from "../../../core/model/model.ts";
import { philox4x32 } from "../../../kernels/random/philox.ts";
import { countBuilt } from "../../_shared/built_kernels.ts";
import { commands, limited } from "../../_shared/device.ts";
import { logitsOf } from "../../_shared/logits.ts";
import { exampleIds, withTinyModel } from "../_tiny.ts";

const SETTINGS: GenerationConfig = {
  temperature: 1,
  top_p: 1,
  top_k: 0,
  max_new_tokens: 20,
  batch_size: 4,
  seed: 11,
  kv_cache_dtype: "float32",
};

/** Prompts of 1 to 6 tokens, of rows that begin at 100, with different limits. */
function prompts(count: number): GenerationPrompt[] {
  return exampleIds(count).map(({ promptIds }, i) => ({
    row: 100 + i,
    promptIds: i === 2 ? [7] : promptIds,
    maxNewTokens: 3 + (i * 5) % 17,
  }));
}

/** Samples of every prompt, in the prompts' order. */
async function sample(
  model: Model,
  { settings = {}, eosIds = [], tokensPerFence = 16, iteration = 3, of = prompts(9), ...how }: {
    settings?: Partial<GenerationConfig>;
    eosIds?: readonly number[];
    tokensPerFence?: number;
    prefillTokens?: number;
    iteration?: number;
    of?: GenerationPrompt[];
    isDone?: (index: number, ids: readonly number[]) => boolean;
  } = {},
): Promise<Omit<Generated, "index">[]> {
  const out: Omit<Generated, "index">[] = [];
  const options = { prompts: of, settings: { ...SETTINGS, ...settings }, iteration, eosIds, tokensPerFence, ...how };
  for await (const { index, ...rest } of generate(commands, model, options)) {
    equal(out[index], undefined, `prompt ${index} is yielded once`);
    out[index] = rest;
  }
  return out;
}

Deno.test("generate() samples the same whatever the batch size and the tokens between two fences", () =>
  withTinyModel(async ({ model }) => {
    const expected = await sample(model, { settings: { batch_size: 1 }, tokensPerFence: 1, eosIds: [2, 9] });
    equal(expected.length, 9);
    equal(new Set(expected.map(({ finished }) => finished)).size, 2, "some end at EOS, some at their limit");
    for (const batch_size of [1, 3, 8]) {
      for (const tokensPerFence of [1, 16]) {
        const settings = { batch_size };
        deepEqual(await sample(model, { settings, tokensPerFence, eosIds: [2, 9] }), expected, `${batch_size}`);
      }
    }
    for (const prefillTokens of [1, 5]) {
      deepEqual(await sample(model, { prefillTokens, settings: { batch_size: 8 }, eosIds: [2, 9] }), expected);
    }
    // A row alone, in its own place.
    for (const i of [2, 5]) deepEqual(await sample(model, { of: [prompts(9)[i]!], eosIds: [2, 9] }), [expected[i]]);
  }));

Deno.test("generate() depends on seed, iteration and row alone", () =>
  withTinyModel(async ({ model }) => {
    const expected = await sample(model);
    notDeepEqual(await sample(model, { settings: { seed: 12 } }), expected);
    notDeepEqual(await sample(model, { iteration: 4 }), expected);
    notDeepEqual(
      await sample(model, { of: prompts(9).map((prompt) => ({ ...prompt, row: prompt.row + 1 })) }),
      expected,
    );
    deepEqual(await sample(model), expected);
  }));

Deno.test("generate() ends a row at its EOS, which is kept, or at its limit", () =>
  withTinyModel(async ({ model }) => {
    const free = await sample(model);
    deepEqual(free.map(({ ids }) => ids.length), prompts(9).map(({ maxNewTokens }) => maxNewTokens));
    equal(free.some(({ finished }) => finished), false);
    for (const eosIds of [[free[1]!.ids[0]!], [free[0]!.ids[2]!, free[4]!.ids[1]!], [free[8]!.ids.at(-1)!]]) {
      const cut = await sample(model, { eosIds });
      cut.forEach(({ ids, finished }, i) => {
        const at = free[i]!.ids.findIndex((id) => eosIds.includes(id));
        deepEqual([ids, finished], [at < 0 ? free[i]!.ids : free[i]!.ids.slice(0, at + 1), at >= 0], `row ${i}`);
      });
    }
  }));

Deno.test("generate() ends a row between two fences where it is told to, and gives its slot to the next", () =>
  withTinyModel(async ({ model }) => {
    const free = await sample(model);
    for (const tokensPerFence of [1, 2, 5]) {
      const asked = new Set<number>();
      const cut = await sample(model, {
        tokensPerFence,
        isDone(index, ids) {
          asked.add(index);
          return index % 2 === 1 && ids.length >= 4;
        },
      });
      const ends = Math.ceil(4 / tokensPerFence) * tokensPerFence;
      cut.forEach(({ ids, finished }, i) => {
        deepEqual([ids, finished], [free[i]!.ids.slice(0, i % 2 === 1 ? ends : undefined), false], `row ${i}`);
      });
      equal(asked.size > 3, true);
    }
  }));

Deno.test("generate() at temperature 0 takes the largest logit of the whole row before it", () =>
  withTinyModel(async ({ dir, model }) => {
    const of = prompts(4);
    const greedy = await sample(model, { settings: { temperature: 0 }, of });
    for (const [i, { ids }] of greedy.entries()) {
      const row = [...of[i]!.promptIds, ...ids];
      const logits = await logitsOf(`${dir}/model`, row);
      const best = ids.map((_, j) => {
        const z = [...logits[of[i]!.promptIds.length - 1 + j]!];
        return z.indexOf(Math.max(...z));
      });
      deepEqual(ids, best, `row ${i}`);
    }
  }));

Deno.test("generate() at temperature 1 takes the method's token: Philox at (position, row), under purpose 2", () =>
  withTinyModel(async ({ dir, model }) => {
    const of = prompts(4);
    const sampled = await sample(model, { of });
    for (const [i, { ids }] of sampled.entries()) {
      const { promptIds, row } = of[i]!;
      const logits = await logitsOf(`${dir}/model`, [...promptIds, ...ids]);
      ids.forEach((id, j) => {
        const position = promptIds.length - 1 + j;
        const [x] = philox4x32([position, row, 0, 0], [SETTINGS.seed, 3 + 2 * 2 ** 24]);
        const weights = logits[position]!.map(Math.exp);
        const goal = (x! + 0.5) / 2 ** 32 * weights.reduce((a, b) => a + b, 0);
        let sum = 0;
        const expected = weights.findIndex((weight) => (sum += weight) > goal);
        equal(id, expected, `row ${row}, token ${j}`);
      });
    }
  }));

Deno.test("generate() over a sliding window continues as the whole row says", () =>
  withTinyModel(async ({ dir, model }) => {
    const of = [{ row: 0, promptIds: [1, 5, 9, 20, 30, 31], maxNewTokens: 12 }];
    const [greedy] = await sample(model, { settings: { temperature: 0 }, of, tokensPerFence: 5 });
    const logits = await logitsOf(`${dir}/model`, [...of[0]!.promptIds, ...greedy!.ids]);
    deepEqual(greedy!.ids, greedy!.ids.map((_, j) => logits[5 + j]!.indexOf(Math.max(...logits[5 + j]!))));
  }, { config: { architectures: ["MistralForCausalLM"], model_type: "mistral", sliding_window: 4 } }));

Deno.test("generate() of no prompts yields nothing, and tells the tokens so far", () =>
  withTinyModel(async ({ model }) => {
    deepEqual(await sample(model, { of: [] }), []);
    const told: number[] = [];
    const options = { settings: SETTINGS, iteration: 0, eosIds: [], onTokens: (count: number) => told.push(count) };
    let tokens = 0;
    for await (const { ids } of generate(commands, model, { ...options, prompts: prompts(6) })) tokens += ids.length;
    equal(told.at(-1), tokens);
    deepEqual(told, told.toSorted((a, b) => a - b));
  }));

Deno.test("generate() builds its kernels together, before the first token", () =>
  withTinyModel(async ({ model }) => {
    using own = limited({});
    using built = countBuilt(own.device);
    const rows: Generated[] = [];
    const options = { prompts: prompts(9), settings: SETTINGS, iteration: 3, eosIds: [2, 9] };
    for await (const row of generate(own, model, options)) {
      if (rows.length === 0) {
        ok(built.ahead > 10, `${built.ahead} kernels`);
        equal(built.atFirstUse, 0);
      }
      rows.push(row);
    }
    equal(rows.length, 9);
    deepEqual(
      rows.toSorted((a, b) => a.index - b.index).map(({ ids }) => ids),
      (await sample(model, { eosIds: [2, 9] })).map(({ ids }) => ids),
    );
  }));
