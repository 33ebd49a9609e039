import { deepEqual, equal, rejects } from "node:assert/strict";
import { generate } from "../../../core/generate/generate.ts";
import { type ContinueOptions, DecodeSession } from "../../../core/generate/decode_session.ts";
import type { Model } from "../../../core/model/model.ts";
import { commands } from "../../_shared/device.ts";
import { withTinyModel } from "../_tiny.ts";

const SETTINGS = { temperature: 1, top_p: 0.9, top_k: 20, seed: 4 };
const MAX_LENGTH = 64;

/** Ids 3 … 36 in an order of their own. */
function someIds(length: number, step = 7): number[] {
  return Array.from({ length }, (_, i) => 3 + (i * step) % 34);
}

async function sampled(
  session: DecodeSession,
  options: Partial<ContinueOptions> & { ids: number[] },
): Promise<number[]> {
  const out: number[] = [];
  const all = { maxNewTokens: 12, settings: SETTINGS, row: 5, eosIds: [2], ...options };
  for await (const piece of session.continue(all)) out.push(...piece);
  return out;
}

/** What the batched generator samples. */
async function expected(model: Model, { ids, settings = SETTINGS }: {
  ids: number[];
  settings?: typeof SETTINGS;
}): Promise<number[]> {
  const prompts = [{ row: 5, promptIds: ids, maxNewTokens: 12 }];
  const all = { ...settings, max_new_tokens: 12, batch_size: 1, kv_cache_dtype: "float32" as const };
  for await (const row of generate(commands, model, { prompts, settings: all, iteration: 0, eosIds: [2] })) {
    return row.ids;
  }
  return [];
}

const MODELS: Record<string, Record<string, unknown>> = {
  llama: {},
  "a sliding window of 4": { architectures: ["MistralForCausalLM"], model_type: "mistral", sliding_window: 4 },
  qwen3: { architectures: ["Qwen3ForCausalLM"], model_type: "qwen3", head_dim: 8 },
};

for (const [name, config] of Object.entries(MODELS)) {
  Deno.test(`DecodeSession samples what generate() does, from the start and after what it has run before: ${name}`, () =>
    withTinyModel(async ({ model }) => {
      const session = new DecodeSession(commands, model, { maxLength: MAX_LENGTH, cacheDtype: "float32" });
      const ids = someIds(9);
      equal(session.reusable(ids), 0);
      const first = await sampled(session, { ids });
      deepEqual(first, await expected(model, { ids }));
      // A turn later: all but the last sampled token is there.
      const longer = [...ids, ...first, ...someIds(6, 5)];
      equal(session.reusable(longer), ids.length + first.length - 1);
      deepEqual(await sampled(session, { ids: longer }), await expected(model, { ids: longer }));
      // Another text with the same beginning, then one with none.
      const other = [...ids.slice(0, 4), ...someIds(11, 3)];
      equal(session.reusable(other), 4 + Number(other[4] === longer[4]));
      deepEqual(await sampled(session, { ids: other }), await expected(model, { ids: other }));
      const greedy = { ...SETTINGS, temperature: 0 };
      deepEqual(
        await sampled(session, { ids: [7], settings: greedy }),
        await expected(model, { ids: [7], settings: greedy }),
      );
      session.free();
    }, { config }));
}

Deno.test("DecodeSession stops at EOS, at the limit and at the signal, and goes on afterwards", () =>
  withTinyModel(async ({ model }) => {
    const session = new DecodeSession(commands, model, { maxLength: MAX_LENGTH, cacheDtype: "float32" });
    const ids = someIds(9);
    const whole = await sampled(session, { ids, eosIds: [] });
    equal(whole.length, 12);
    const at = whole.findIndex((id, i) => i > 2 && !whole.slice(0, i).includes(id));
    deepEqual(await sampled(session, { ids, eosIds: [whole[at]!] }), whole.slice(0, at + 1));
    const controller = new AbortController();
    const out: number[] = [];
    const options = { ids, maxNewTokens: 50, settings: SETTINGS, row: 5, eosIds: [], signal: controller.signal };
    for await (const piece of session.continue(options)) {
      out.push(...piece);
      controller.abort();
    }
    equal(out.length < 50 && out.length > 0, true);
    deepEqual(out, whole.slice(0, out.length));
    deepEqual(await sampled(session, { ids, eosIds: [] }), whole);
    deepEqual(await sampled(session, { ids, signal: AbortSignal.abort() }), []);
    session.free();
  }));

Deno.test("DecodeSession runs a long text in pieces and fills its cache to the end", () =>
  withTinyModel(async ({ model }) => {
    const ids = someIds(600, 11);
    const session = new DecodeSession(commands, model, { maxLength: 612, cacheDtype: "float32" });
    deepEqual(await sampled(session, { ids, eosIds: [] }), await expected(model, { ids }));
    await rejects(
      sampled(session, { ids: someIds(601) }),
      /^RangeError: Cannot continue 601 tokens by 12: .* 612 at most$/,
    );
    session.free();
  }));
