import assert from "node:assert/strict";
import { loadConfig, writeResolved } from "../../../core/config/config.ts";
import { EXAMPLE, load, withFile } from "./_configs.ts";

const defaults = {
  output_dir: "runs/default",
  method: "dnpo",
  iterations: 1,
  start_from: "previous",
  mix_previous: false,
  quantization: "none",
  autotune: true,
  device: "high-performance",
  webgpu: "deno",
  iteration: 0,
  data: { max_length: 1024, on_bad_row: "error" },
  generation: {
    temperature: 1,
    top_p: 1,
    top_k: 0,
    max_new_tokens: 256,
    batch_size: 32,
    seed: 42,
    kv_cache_dtype: "float32",
  },
  labels: { judge: "human", verifier_timeout: 60, margin: 0 },
  training: {
    learning_rate: 1e-6,
    per_device_train_batch_size: 8,
    gradient_accumulation_steps: 1,
    gradient_checkpointing: false,
    precision: "float32",
    num_train_epochs: 3,
    max_steps: -1,
    lr_scheduler_type: "linear",
    warmup_steps: 0,
    warmup_ratio: 0,
    optim: "adamw",
    adam_beta1: 0.9,
    adam_beta2: 0.999,
    adam_epsilon: 1e-8,
    weight_decay: 0,
    max_grad_norm: 1,
    beta: 0.1,
    loss_type: "sigmoid",
    label_smoothing: 0,
    shuffle: true,
    seed: 42,
    logging_steps: 10,
    save_steps: 500,
    save_minutes: 5,
    save_total_limit: 1,
    load_best_model_at_end: false,
    on_nan: "error",
    report_to: [],
    project: "dnpo",
  },
  noise: {
    update: "joint",
    noise_steps: 1,
    model_steps: 1,
    init: "linear",
    learning_rate: 0.01,
    max_variance: 1,
    alpha: 0.01,
  },
  distributed: { shards: 1, gradient_dtype: "float32", timeout: 600, gather: false },
};

Deno.test("loadConfig() without a file gives the documented defaults", async () => {
  assert.deepEqual(await loadConfig(undefined), defaults);
});

Deno.test("loadConfig() takes the documented config as it stands", async () => {
  const config = await load(EXAMPLE);
  assert.equal(config.model, "models/tiny");
  assert.deepEqual(config.data, { train: "rows.jsonl", limit: 128, max_length: 512, on_bad_row: "error" });
  assert.deepEqual(config.labels, { judge: "logprob", model: "models/judge", verifier_timeout: 60, margin: 0 });
  assert.equal(config.training.learning_rate, 5e-4);
  assert.equal(config.training.shuffle, false);
  assert.deepEqual(config.noise, { ...defaults.noise, init: "zeros" });
});

Deno.test("loadConfig() names the run after the config file", async () => {
  assert.equal((await load("model: m")).output_dir, "runs/config");
  assert.equal((await load("")).output_dir, "runs/config");
  assert.equal((await load("output_dir: here")).output_dir, "here");
});

Deno.test("loadConfig() puts set over the file and defaults under it", async () => {
  const config = await withFile("training: { beta: 0.2, seed: 7 }\ndata: { train: a }", (file) =>
    loadConfig(file, {
      set: ["training.seed=8", "data.limit=3", "iterations=2", "data.eval=x=y", "data.train=C:\\rows: 1.jsonl"],
      defaults: { training: { beta: 0.5, save_steps: 9 }, generation: { top_k: 5 }, model: "base" },
    }));
  assert.equal(config.training.beta, 0.2);
  assert.equal(config.training.seed, 8);
  assert.equal(config.training.save_steps, 9);
  assert.equal(config.generation.top_k, 5);
  assert.equal(config.model, "base");
  assert.deepEqual(config.data, {
    train: "C:\\rows: 1.jsonl",
    limit: 3,
    max_length: 1024,
    eval: "x=y",
    on_bad_row: "error",
  });
  assert.equal(config.iterations, 2);
});

Deno.test("loadConfig() takes lists, mappings and null from set", async () => {
  const config = await load(EXAMPLE, [
    "training.beta=[0.1, 5.0]",
    "labels=[{judge: human}, {judge: logprob, model: m}]",
    "noise=[none, {update: joint}]",
    "noise.1.alpha=0.5",
    "data.limit=null",
    "training.max_steps=",
  ]);
  assert.deepEqual(config.training.beta, [0.1, 5]);
  assert.deepEqual(config.labels, [{ judge: "human", verifier_timeout: 60, margin: 0 }, {
    judge: "logprob",
    model: "m",
    verifier_timeout: 60,
    margin: 0,
  }]);
  assert.deepEqual(config.noise, ["none", { ...defaults.noise, alpha: 0.5 }]);
  assert.equal(config.data.limit, undefined);
  assert.equal(config.training.max_steps, -1);
});

Deno.test("loadConfig() reads numbers written as text, alone and in lists, but leaves text text", async () => {
  const config = await load(`training: { learning_rate: "1e-6", beta: [".5", "2"], seed: '7' }\nmodel: "12"`);
  assert.equal(config.training.learning_rate, 1e-6);
  assert.deepEqual(config.training.beta, [0.5, 2]);
  assert.equal(config.training.seed, 7);
  assert.equal(config.model, "12");
});

Deno.test("loadConfig() takes the field's second names", async () => {
  const { training } = await load("training: { optim: adamw_torch, lr_scheduler_type: constant_with_warmup }");
  assert.deepEqual([training.optim, training.lr_scheduler_type], ["adamw", "constant"]);
});

Deno.test("loadConfig() fills in each method's preset", async () => {
  for (const method of ["sft", "dpo", "spin"]) {
    const config = await load(`method: ${method}`);
    assert.equal(config.noise, "none");
    assert.deepEqual(config.labels, { judge: "human", verifier_timeout: 60, margin: 0 });
    assert.equal(config.training.loss_type, method === "sft" ? "sft" : "sigmoid");
  }
  assert.deepEqual((await load("method: dnpo")).noise, defaults.noise);
  assert.equal((await load("method: dnpo\nnoise: none")).noise, "none");
});

Deno.test("loadConfig() lets explicit labels win over the preset", async () => {
  const config = await load("method: spin\nlabels: { judge: verifier, verifier: v.ts }");
  assert.deepEqual(config.labels, { judge: "verifier", verifier: "v.ts", verifier_timeout: 60, margin: 0 });
});

Deno.test("loadConfig() with a method from set takes back what the file says against it", async () => {
  const spin = await load(EXAMPLE, ["method=spin"]);
  assert.equal(spin.noise, "none");
  assert.deepEqual(spin.labels, { judge: "human", model: "models/judge", verifier_timeout: 60, margin: 0 });
  const dpo = await load(EXAMPLE, ["method=dpo"]);
  assert.equal(dpo.noise, "none");
  assert.equal([dpo.labels].flat()[0]?.judge, "logprob");
  const sft = await load(EXAMPLE, ["method=sft"]);
  assert.deepEqual([sft.noise, sft.training.loss_type], ["none", "sft"]);
  const dnpo = await load("method: sft\nnoise: none\ntraining: { loss_type: sft }", ["method=dnpo"]);
  assert.deepEqual([dnpo.noise, dnpo.training.loss_type], [defaults.noise, "sigmoid"]);
  const kept = await load(EXAMPLE, ["method=spin", "labels.judge=verifier"]);
  assert.equal([kept.labels].flat()[0]?.judge, "verifier");
});

Deno.test("writeResolved() writes the same text for the same settings, which loads to the same config", async () => {
  for (const set of [[], ["method=sft"], ["noise=[none, {}]", "training.beta=[1, 2]", "labels=[{}, {}]"]]) {
    const config = await load(EXAMPLE, set);
    const text = writeResolved(config);
    const again = await load(text);
    assert.deepEqual(again, config);
    assert.equal(writeResolved(again), text);
  }
  const shuffled = await load("training: { seed: 1, beta: 2 }\nmodel: a\noutput_dir: b");
  const sorted = await load("model: a\noutput_dir: b\ntraining: { beta: 2, seed: 1 }");
  assert.equal(writeResolved(shuffled), writeResolved(sorted));
});
