/** A model of Llama-3.2-1B's shape with an int4 base: two steps of DNPO and 32 tokens, within the plan's bytes. @module */
import assert from "node:assert/strict";
import { type TensorEntry, writeSafetensors } from "../../core/checkpoint/write_safetensors.ts";
import { loadConfig, type ResolvedConfig } from "../../core/config/config.ts";
import { runGenerate, runOptimize } from "../../core/loop/single_stages.ts";
import { parameterShapes } from "../../core/model/families/families.ts";
import { parseModelConfig } from "../../core/model/families/model_config.ts";
import { elementsOf } from "../../core/model/families/model_tensors.ts";
import { planRun } from "../../core/plan/plan_run.ts";
import type { RunPlan } from "../../core/plan/plan_types.ts";
import { device } from "../_shared/device.ts";
import { withFolder } from "../_shared/dnpo.ts";
import { jsonLines } from "../_shared/tiny_model.ts";
import { readJsonLines } from "../_shared/trajectory.ts";

const CONFIG = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  hidden_size: 2048,
  num_hidden_layers: 16,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  head_dim: 64,
  intermediate_size: 8192,
  vocab_size: 128_256,
  hidden_act: "silu",
  rms_norm_eps: 1e-5,
  rope_theta: 500_000,
  max_position_embeddings: 131_072,
  bos_token_id: 128_000,
  eos_token_id: 128_001,
  tie_word_embeddings: true,
  torch_dtype: "bfloat16",
};

/** Numbers that are drawn once and then repeated: a prime, so that rows begin at different ones. */
const DRAWN = 4_194_301;

/** The bytes of bfloat16 numbers of both signs, from 2^-9 to 2^-5. */
function drawn(): Uint8Array<ArrayBuffer> {
  const values = new Uint16Array(DRAWN);
  let state = 1;
  for (let i = 0; i < DRAWN; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    values[i] = (state >>> 31 << 15) | (118 + (state >>> 29 & 3)) << 7 | (state >>> 22 & 127);
  }
  return new Uint8Array(values.buffer);
}

async function writeBillion(dir: string): Promise<void> {
  await Deno.mkdir(dir);
  await Deno.writeTextFile(`${dir}/config.json`, JSON.stringify(CONFIG));
  const block = drawn();
  const ones = new Uint8Array(new Uint16Array(CONFIG.hidden_size).fill(0x3f80).buffer);
  const entries = parameterShapes(parseModelConfig({ ...CONFIG }, "config.json")).map((tensor): TensorEntry => ({
    name: tensor.name,
    dtype: "BF16",
    shape: tensor.shape,
    bytes: async function* () {
      const size = 2 * elementsOf(tensor);
      if (tensor.shape.length === 1) return yield ones;
      for (let left = size; left > 0; left -= block.length) yield block.subarray(0, Math.min(left, block.length));
    },
  }));
  await writeSafetensors(`${dir}/model.safetensors`, entries);
}

/** Bytes that the device layer held at most in a stage, and those of the plan's stage. */
async function heldAndPlanned(config: ResolvedConfig, plan: RunPlan, stage: string): Promise<[number, number | null]> {
  const lines = await readJsonLines<Record<string, unknown>>(`${config.output_dir}/timings.jsonl`);
  const held = lines.filter((line) => line.stage === stage).map((line) => Number(line.device_bytes));
  return [Math.max(...held), plan.stages.find((planned) => planned.stage === stage)!.bytes];
}

Deno.test("a model of 1B shape with an int4 base: two steps of DNPO and 32 tokens hold the planned bytes", () =>
  withFolder(async (dir) => {
    await writeBillion(`${dir}/model`);
    const ids = (from: number): number[] => Array.from({ length: 16 }, (_, i) => (from + 7919 * i) % 128_000);
    const rows = [1, 2].map((n) => ({ prompt_ids: ids(n), chosen_ids: ids(100 * n), rejected_ids: ids(1000 * n) }));
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(rows));
    const prompts = rows.map(({ prompt_ids, chosen_ids }) => ({ prompt_ids, response_ids: chosen_ids }));
    await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(prompts));
    const shared = {
      model: `${dir}/model`,
      quantization: "int4",
      autotune: false,
      lora: { r: 16, save: "adapter" },
      noise: { update: "joint", rank: 16 },
      training: { max_steps: 2, per_device_train_batch_size: 1, logging_steps: 1 },
      generation: { max_new_tokens: 32, batch_size: 1 },
    };
    const pairs = `${dir}/pairs.jsonl`;
    const training = await loadConfig(undefined, { defaults: { ...shared, output_dir: `${dir}/trained`, pairs } });
    const answering = await loadConfig(undefined, {
      defaults: { ...shared, output_dir: `${dir}/answered`, data: { train: `${dir}/rows.jsonl`, limit: 1 } },
    });

    const { last } = await runOptimize(training);
    assert.ok(Number.isFinite(last.loss));
    const [trained, plannedTraining] = await heldAndPlanned(
      training,
      await planRun(training, { device, time: false }),
      "optimize",
    );
    assert.equal(trained, plannedTraining);
    const [response] = await readJsonLines<{ response_ids: number[] }>(await runGenerate(answering));
    assert.ok(response!.response_ids.length > 0 && response!.response_ids.length <= 32);
    const [answered, plannedAnswer] = await heldAndPlanned(
      answering,
      await planRun(answering, { device, time: false }),
      "generate",
    );
    assert.equal(answered, plannedAnswer);
    console.log(`optimize ${trained} bytes, generate ${answered} bytes, as planned`);
  }));
