/** PEFT folders: what of them is understood, and what is refused by its name. @module */
import { deepEqual, equal } from "node:assert/strict";
import { openAdapterFolder } from "../../../core/checkpoint/adapter_folder.ts";
import { freeModel, loadModel } from "../../../core/model/model.ts";
import { runSft } from "../../../core/loop/single_stages.ts";
import { device } from "../../_shared/device.ts";
import { type Case, refuseAll } from "../../_shared/refusal.ts";
import { configOf, withInput } from "../loop/_runs.ts";
import { type RawTensor, safetensors } from "./_fixtures.ts";

/** The folder of an adapter of rank 2 at q and down of the tiny model. */
async function writeAdapter(dir: string): Promise<string> {
  const lora = { r: 2, target_modules: ["q_proj", "down_proj"], save: "adapter" };
  await runSft(await configOf(dir, { lora, training: { max_steps: 1 } }));
  return `${dir}/run/adapter`;
}

const PREFIX = "base_model.model.model.layers.0.self_attn";

type Json = Record<string, unknown>;
type Tensors = Record<string, RawTensor>;

Deno.test("what PEFT writes is read, with the keys that change nothing", () =>
  withInput(async (dir) => {
    const folder = await writeAdapter(dir);
    const path = `${folder}/adapter_config.json`;
    const config: Json = JSON.parse(await Deno.readTextFile(path));
    // The keys of PEFT 0.21 besides those that are written here, each with its neutral value.
    const neutral = {
      alora_invocation_tokens: null,
      arrow_config: null,
      auto_mapping: null,
      bias: "none",
      corda_config: null,
      ensure_weight_tying: false,
      eva_config: null,
      fan_in_fan_out: false,
      inference_mode: true,
      layer_replication: null,
      layers_pattern: null,
      loftq_config: {},
      lora_bias: false,
      megatron_config: null,
      megatron_core: "megatron.core",
      modules_to_save: null,
      peft_version: "0.21.0",
      qalora_group_size: 16,
      target_parameters: null,
      trainable_token_indices: null,
      use_dora: false,
      use_qalora: false,
    };
    await Deno.writeTextFile(path, JSON.stringify({ ...config, ...neutral }));
    const { settings, base, stored } = await openAdapterFolder(folder);
    deepEqual([settings.r, settings.lora_alpha, settings.target_modules], [2, 32, ["q_proj", "down_proj"]]);
    equal(base, `${dir}/model`);
    equal(stored.size, 8);
  }));

Deno.test("a PEFT folder that says or holds something else is refused in one line that names it", () =>
  withInput(async (dir) => {
    const folder = await writeAdapter(dir);
    const [configPath, weightsPath] = [`${folder}/adapter_config.json`, `${folder}/adapter_model.safetensors`];
    const config: Json = JSON.parse(await Deno.readTextFile(configPath));
    const { weights } = await openAdapterFolder(folder);
    const whole: Tensors = {};
    for (const [name, { dtype, shape }] of weights.tensors) {
      whole[name] = { dtype, shape: [...shape], bytes: await weights.readBytes(name) };
    }
    const a = `${PREFIX}.q_proj.lora_A.weight`;
    const without = (name: string): Tensors => {
      const { [name]: _, ...rest } = whole;
      return rest;
    };
    const cases: Case<{ keys?: Json; tensors?: Tensors; text?: string }>[] = [
      ["no LoRA", { keys: { peft_type: "IA3" } }, /"peft_type" is "IA3", expected "LORA"/],
      ["another task", { keys: { task_type: "SEQ_CLS" } }, /"task_type" is "SEQ_CLS", expected "CAUSAL_LM"/],
      ["rank 0", { keys: { r: 0 } }, /"r" is 0, expected an integer ≥ 1/],
      ["a rank that is no number", { keys: { r: "8" } }, /"r" is "8", expected/],
      ["alpha 0", { keys: { lora_alpha: 0 } }, /"lora_alpha" is 0, expected a number > 0/],
      ["DoRA", { keys: { use_dora: true } }, /"use_dora" is true, expected false, which changes nothing/],
      ["trained biases", { keys: { bias: "all" } }, /"bias" is "all", expected "none", which changes nothing/],
      [
        "whole modules",
        { keys: { modules_to_save: ["lm_head"] } },
        /"modules_to_save" is \["lm_head"\], expected null/,
      ],
      ["a key of tomorrow", { keys: { use_magic: 1 } }, /"use_magic" is 1, expected null, which changes nothing/],
      ["an init that changes the base", { keys: { init_lora_weights: "pissa" } }, /"init_lora_weights" is "pissa"/],
      ["no targets", { keys: { target_modules: null } }, /"target_modules" is null, expected a list of names/],
      ["a rank pattern of 0", { keys: { rank_pattern: { q_proj: 0 } } }, /"rank_pattern" is .*integers ≥ 1/],
      [
        "a broken expression",
        { keys: { target_modules: "(" } },
        /target_modules is "\(", expected a regular expression/,
      ],
      [
        "targets that nothing is",
        { keys: { target_modules: ["nothing"] } },
        /target_modules is .*expected some of q_proj/,
      ],
      ["the LM head", { keys: { target_modules: ["lm_head"] } }, /Cannot adapt "lm_head"/],
      ["another rank", { keys: { r: 3 } }, /"model\..*lora_A\.weight" .*shape is \[2, 16\], expected \[3, 16\]/],
      ["no JSON", { text: "{" }, /adapter_config\.json: it is not JSON/],
      ["a list", { text: "[]" }, /adapter_config\.json: it is \[\], expected/],
      ["a tensor missing", { tensors: without(a) }, /q_proj\.lora_A\.weight" .*: it is missing, expected \[2, 16\]/],
      [
        "a tensor too many",
        { tensors: { ...whole, [`${PREFIX}.v_proj.lora_A.weight`]: whole[a]! } },
        /v_proj\.lora_A\.weight" .*: the base has no such module, or adapter_config\.json does not name it/,
      ],
      ["no part of an adapter", { tensors: { ...whole, "lm_head.weight": whole[a]! } }, /it is no part of an adapter/],
      [
        "integers",
        { tensors: { ...whole, [a]: { dtype: "I32", shape: whole[a]!.shape, bytes: whole[a]!.bytes } } },
        /dtype is I32, expected F32, F16 or BF16/,
      ],
    ];
    await refuseAll(cases, async ({ keys, tensors, text }) => {
      await Deno.writeTextFile(configPath, text ?? JSON.stringify({ ...config, ...keys }));
      await Deno.writeFile(weightsPath, safetensors(tensors ?? whole));
      freeModel(await loadModel(device, folder));
    });
  }));
