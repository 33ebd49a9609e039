/** A cache of rounded keys and values, through the model. */
import { deepEqual, equal, notDeepEqual, rejects } from "node:assert/strict";
import type { GenerationConfig } from "../../../core/config/config_types.ts";
import type { DtypeName } from "../../../core/dtype.ts";
import { generate } from "../../../core/generate/generate.ts";
import { DecodeSession } from "../../../core/generate/decode_session.ts";
import { type CachedTokens, Decoding } from "../../../core/generate/decoding.ts";
import { PackedPrefill } from "../../../core/generate/prefill.ts";
import { forwardBuffers } from "../../../core/model/activations.ts";
import type { AttentionContext } from "../../../core/model/decoder_types.ts";
import { BatchBuffers, capacityOf } from "../../../core/model/device_batch.ts";
import type { Model } from "../../../core/model/model.ts";
import { packPrompts } from "../../../core/model/pack.ts";
import { packedAttention } from "../../../core/model/packed_attention.ts";
import { subslice } from "../../../kernels/device/slice.ts";
import { commands, device } from "../../_shared/device.ts";
import { exampleIds, withTinyModel } from "../_tiny.ts";

const ROUNDED = ["bfloat16", "float16"] as const;
const SETTINGS: GenerationConfig = {
  temperature: 0,
  top_p: 1,
  top_k: 0,
  max_new_tokens: 24,
  batch_size: 4,
  seed: 0,
  kv_cache_dtype: "float32",
};

const MODELS: Readonly<Record<string, Record<string, unknown>>> = {
  "heads of 4": {},
  "heads of 16, a sliding window of 4": {
    hidden_size: 64,
    model_type: "mistral",
    architectures: ["MistralForCausalLM"],
    sliding_window: 4,
  },
  "heads of 12 with norms": { model_type: "qwen3", architectures: ["Qwen3ForCausalLM"], head_dim: 12 },
};

/** Greedy answers to prompts of 1 to 6 tokens. */
async function answers(
  model: Model,
  { dtype, count = 16, maxNewTokens = 24 }: { dtype: DtypeName; count?: number; maxNewTokens?: number },
): Promise<number[][]> {
  const prompts = exampleIds(count).map(({ promptIds }, row) => ({ row, promptIds, maxNewTokens }));
  const settings = { ...SETTINGS, kv_cache_dtype: dtype };
  const ids: number[][] = [];
  for await (const row of generate(commands, model, { prompts, settings, iteration: 0, eosIds: [] })) {
    ids[row.index] = row.ids;
  }
  return ids;
}

for (const [name, config] of Object.entries(MODELS)) {
  for (const dtype of ROUNDED) {
    Deno.test(`tokens over a ${dtype} cache have the bits of a float32 cache of rounded numbers: ${name}`, () =>
      withTinyModel(async ({ model }) => {
        const sizes = { slots: 2, maxLength: 20, tokensPerFence: 1 };
        const half = new Decoding(commands, model, { ...sizes, cacheDtype: dtype });
        const full = new Decoding(commands, model, { ...sizes, cacheDtype: "float32" });
        const rounding = new Decoding(commands, model, { ...sizes, cacheDtype: dtype });
        /** Rounds k and v of every layer, as a cache of 16 bits does in place, before `full` stores them. */
        const roundedFirst = (tokens: CachedTokens): AttentionContext => {
          const own = full.cachedAttention(tokens, { appliesRope: false, pairs: 0 });
          return {
            attend(layer, buffers) {
              rounding.store(layer, { qkv: buffers.qkv, tokens });
              own.attend(layer, buffers);
            },
          };
        };
        const buffers = forwardBuffers(full.set, { config: model.config, capacity: 9, segment: null, ranks: 0 });
        const words = (label: string) => full.set.words(9, label);
        const places = { ids: words("ids"), position: words("position"), slot: words("slot") };
        const run = async (
          from: Decoding,
          { first, count, attention }: {
            first: number;
            count: number;
            attention: (tokens: CachedTokens) => AttentionContext;
          },
        ): Promise<Uint32Array> => {
          const list = Array.from({ length: count }, (_, i) => first + i);
          device.write(places.ids, Uint32Array.from(list, (i) => 3 + (i * 7) % 34));
          device.write(places.position, Uint32Array.from(list));
          device.write(places.slot, new Uint32Array(count).fill(1));
          const tokens = { ...places, tokens: count };
          from.forward(tokens, { buffers, attention: attention(tokens) });
          commands.submit();
          return new Uint32Array(
            await device.read(subslice(buffers.hidden, 0, count * model.config.hiddenSize * 4)),
          );
        };
        const check = async (first: number, count: number): Promise<void> => {
          const part = { first, count };
          const expected = await run(full, { ...part, attention: roundedFirst });
          const attention = (tokens: CachedTokens) => half.cachedAttention(tokens, { appliesRope: false, pairs: 0 });
          deepEqual(await run(half, { ...part, attention }), expected);
        };
        await check(0, 9);
        await check(9, 2);
        await check(11, 5);
        // A prompt that is run at once, and what comes after it.
        const prompt = Array.from({ length: 7 }, (_, i) => 3 + (i * 5) % 34);
        const packed = packPrompts([prompt]);
        const capacity = capacityOf(packed, device);
        new PackedPrefill(half, capacity).run([{ ids: prompt, slot: 1 }]);
        const batch = new BatchBuffers(full.set, { capacity }).load(packed);
        device.write(places.slot, new Uint32Array(7).fill(1));
        const tokens = { ...batch, slot: places.slot };
        const own = packedAttention(commands, { config: model.config, batch });
        full.forward(batch, {
          buffers,
          attention: {
            attend(layer, buffers) {
              rounding.store(layer, { qkv: buffers.qkv, tokens });
              full.store(layer, { qkv: buffers.qkv, tokens });
              own.attend(layer, buffers);
            },
          },
        });
        await check(7, 3);
        for (const decoding of [half, full, rounding]) decoding.free();
      }, { config }));

    Deno.test(`generate() over a ${dtype} cache says what a conversation's session says: ${name}`, () =>
      withTinyModel(async ({ model }) => {
        // Few: the last digits, in which the two differ, may send a number that lies in the middle of two another way.
        const [count, maxNewTokens] = [3, 6];
        const batched = await answers(model, { dtype, count, maxNewTokens });
        const session = new DecodeSession(commands, model, { maxLength: 64, cacheDtype: dtype });
        for (const [i, { promptIds }] of exampleIds(count).entries()) {
          const rest = { maxNewTokens, settings: SETTINGS, row: i, eosIds: [] };
          const said = (await Array.fromAsync(session.continue({ ids: [...promptIds], ...rest }))).flat();
          deepEqual(said, batched[i]);
        }
        session.free();
      }, { config }));
  }
}

Deno.test("bfloat16 keys and values change some answers, and 16 bits take half of the memory", () =>
  withTinyModel(async ({ model }) => {
    notDeepEqual(await answers(model, { dtype: "bfloat16" }), await answers(model, { dtype: "float32" }));
    const bytesOf = (cacheDtype: DtypeName): number => {
      const before = device.bytes;
      const decoding = new Decoding(commands, model, { slots: 3, maxLength: 50, tokensPerFence: 1, cacheDtype });
      const { bytes } = device;
      decoding.free();
      equal(device.bytes, before);
      return bytes - before;
    };
    // Two layers with k and v, of two heads of 4.
    const numbers = 3 * 50 * 2 * 2 * 2 * 4;
    equal(bytesOf("float32") - bytesOf("bfloat16"), 2 * numbers - 4);
    equal(bytesOf("float16"), bytesOf("bfloat16"));
  }));

Deno.test("a key or value beyond float16 is an error, which a session survives", () =>
  withTinyModel(async ({ model }) => {
    const wanted = /^UserError: Cannot generate with kv_cache_dtype float16: a key or value is larger than 65504, .*$/;
    await rejects(answers(model, { dtype: "float16" }), wanted);
    equal((await answers(model, { dtype: "bfloat16" })).length, 16);
    const session = new DecodeSession(commands, model, { maxLength: 64, cacheDtype: "float16" });
    const ask = (ids: number[]) => {
      const rest = { maxNewTokens: 3, settings: SETTINGS, row: 0, eosIds: [] };
      return Array.fromAsync(session.continue({ ids, ...rest }));
    };
    for (let i = 0; i < 2; i++) {
      await rejects(ask([3, 4, 5, 6]), wanted);
      equal(session.reusable([3, 4, 5, 6]), 0, "what the cache holds is of no use");
    }
    session.free();
  }, {
    change(name, values) {
      if (name.endsWith("v_proj.weight")) values.forEach((x, i) => values[i] = x * 1e6);
    },
  }));
