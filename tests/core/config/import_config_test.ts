/** What the settings of other programs' configs become here. The configs are written for these tests. */
import assert from "node:assert/strict";
import { loadConfig, type ResolvedConfig } from "../../../core/config/config.ts";
import { importConfig, type ImportedConfig, type ImportOptions } from "../../../core/config/import/import_config.ts";
import golden from "./goldens/foreign_fields.json" with { type: "json" };
import parsed from "./goldens/trl_configs.json" with { type: "json" };
import { withFile } from "./_configs.ts";

interface Result extends ImportedConfig {
  config: ResolvedConfig;
  /** The notes by key. */
  told: Record<string, string>;
}

/** Imports a config, and loads what is made of it. */
function imported(text: string, options: ImportOptions = {}): Promise<Result> {
  return withFile(text, async (file) => {
    const made = await importConfig(file, options);
    const config = await withFile(made.text, (path) => loadConfig(path));
    return { ...made, config, told: Object.fromEntries(made.notes.map(({ key, text }) => [key, text])) };
  });
}

async function refusal(text: string, options: ImportOptions = {}): Promise<string> {
  const error = await imported(text, options).then(() => null, (error) => error);
  assert.equal(error?.name, "UserError", String(error));
  assert.doesNotMatch(error.message, /\n/);
  return error.message;
}

const TRL = "model_name_or_path: org/model\ndataset_name: org/pairs\n";

Deno.test.each([
  ["dpo", "beta: 0.1\n", golden.fields.DPOConfig],
  ["sft", "assistant_only_loss: true\n", golden.fields.SFTConfig],
])("a config of trl %s writes out every default that TRL has", async (method, more, defaults) => {
  const { config, text, program } = await imported(TRL + more);
  assert.deepEqual([program, config.method], ["trl", method]);
  const known: Record<string, unknown> = defaults;
  for (
    const key of [
      "learning_rate",
      "per_device_train_batch_size",
      "gradient_accumulation_steps",
      "num_train_epochs",
      "max_steps",
      "lr_scheduler_type",
      "warmup_steps",
      "adam_beta1",
      "adam_beta2",
      "adam_epsilon",
      "weight_decay",
      "max_grad_norm",
      "seed",
      "logging_steps",
      "save_steps",
      "gradient_checkpointing",
    ] as const
  ) {
    assert.equal(config.training[key], known[key], key);
    assert.match(text, new RegExp(`^ {2}${key}: \\S+ # default of trl ${method}$`, "m"));
  }
  assert.equal(config.data.max_length, known.max_length);
  assert.deepEqual([known.optim, config.training.optim], ["adamw_torch_fused", "adamw"]);
  assert.deepEqual([golden.fields.ModelConfig.dtype, config.dtype], ["float32", "float32"]);
  assert.deepEqual(config.data.train, [{ path: "org/pairs", split: "train" }]);
  assert.equal(config.lora, undefined);
});

for (const { method, config: text, resolved } of parsed) {
  Deno.test(`what trl ${method}'s own parser makes of ${JSON.stringify(text.slice(66))} is what the import sets`, async () => {
    const { config } = await imported(text);
    const { training, data, lora } = config;
    const ours: Record<string, unknown> = { ...training, ...data };
    const { loss_type, lora: adapter, dtype, save_total_limit, ...same } = resolved;
    for (const [key, value] of Object.entries(same)) {
      if (key === "warmup of 1000 steps") {
        assert.equal(training.warmup_steps || Math.ceil(training.warmup_ratio * 1000), value);
      } else if (key !== "beta" && key !== "label_smoothing" || method === "dpo") assert.equal(ours[key], value, key);
    }
    assert.equal(config.method, method);
    assert.equal(training.loss_type, method === "sft" ? "sft" : [loss_type].flat()[0]);
    assert.equal(training.save_total_limit, save_total_limit ?? 1);
    assert.equal(config.dtype ?? "auto", dtype);
    if (adapter === null) assert.equal(lora, undefined);
    else {
      const { r, lora_alpha, lora_dropout, use_rslora, target_modules: modules } = lora!;
      const targets = Array.isArray(modules) ? modules.toSorted() : modules;
      assert.deepEqual({ r, lora_alpha, lora_dropout, use_rslora, target_modules: targets }, adapter);
    }
  });
}

Deno.test("the adapter of use_peft has TRL's defaults, and its names for modules", async () => {
  const peft = golden.fields.ModelConfig;
  const { config } = await imported(`${TRL}beta: 0.1\nuse_peft: true\nload_in_4bit: true\n`);
  const { lora } = config;
  assert.deepEqual(
    [lora!.r, lora!.lora_alpha, lora!.lora_dropout, lora!.use_rslora],
    [peft.lora_r, peft.lora_alpha, peft.lora_dropout, peft.use_rslora],
  );
  assert.deepEqual([lora!.target_modules, lora!.save, config.quantization], [["q_proj", "v_proj"], "adapter", "nf4"]);
  const set = `${TRL}beta: 0.1\nuse_peft: true\nlora_r: 8\n`;
  const linear = await imported(`${set}lora_target_modules: [all-linear]\nload_in_8bit: true\n`);
  assert.deepEqual([linear.config.lora!.target_modules, linear.config.quantization], ["all-linear", "int8"]);
  const pattern = await imported(
    `${set}lora_target_modules: ['.*\\.q_proj']\nbnb_4bit_quant_type: fp4\nload_in_4bit: yes\n`,
  );
  assert.deepEqual([pattern.config.lora!.target_modules, pattern.config.quantization], [".*\\.q_proj", "int4"]);
  assert.match(pattern.told.load_in_4bit!, /^fp4 has levels of a float/);
});

const AXOLOTL_ADAPTER = "base_model: m\nadapter: lora\nlora_r: 8\nlora_alpha: 8\nlora_target_linear: true\n" +
  "datasets: [{ path: p }]\nlearning_rate: 1e-6\n";

Deno.test("an adapter of axolotl keeps its first values", async () => {
  for (
    const [set, ours] of [["", true], ["peft_init_lora_weights: true\n", true], [
      "peft_init_lora_weights: gaussian\n",
      "gaussian",
    ]]
  ) {
    assert.equal((await imported(AXOLOTL_ADAPTER + set)).config.lora!.init_lora_weights, ours);
  }
});

Deno.test("a config of trl dpo keeps what it sets, and tells of what differs and what is left out", async () => {
  const { config, text, told } = await imported(`
model_name_or_path: org/model
model_revision: v2
dtype: bfloat16
dataset_name: org/pairs
dataset_config: small
dataset_train_split: train_prefs
dataset_test_split: test_prefs
eval_strategy: steps
eval_steps: 100
learning_rate: 5e-7
num_train_epochs: 1.5
lr_scheduler_type: cosine
warmup_ratio: 0.1
optim: paged_adamw_8bit
loss_type: [robust]
label_smoothing: 0.2
beta: 0.01
max_length: 2048
max_prompt_length: 512
bf16: yes
push_to_hub: no
run_name: "\\e[31mred"
frobnicate: 3
report_to: [wandb, tensorboard, comet_ml]
logging_steps: 0.1
`);
  const { training, data } = config;
  assert.equal(config.model, "org/model@v2");
  assert.equal(config.dtype, "bfloat16");
  assert.deepEqual(data.train, [{ path: "org/pairs", name: "small", split: "train_prefs" }]);
  assert.deepEqual(data.eval, [{ path: "org/pairs", name: "small", split: "test_prefs" }]);
  assert.deepEqual(
    [training.learning_rate, training.num_train_epochs, training.lr_scheduler_type, training.warmup_ratio],
    [5e-7, 1.5, "cosine", 0.1],
  );
  assert.deepEqual([training.warmup_steps, training.loss_type, training.label_smoothing], [0, "robust", 0.2]);
  assert.deepEqual([training.beta, data.max_length, training.optim], [0.01, 2048, "adamw"]);
  assert.deepEqual([training.report_to, training.logging_steps], [["tensorboard", "wandb"], 10]);
  assert.equal(training.run_name, "\x1b[31mred");
  for (
    const key of [
      "dtype",
      "optim",
      "eval_strategy",
      "bf16",
      "max_prompt_length",
      "frobnicate",
      "push_to_hub",
      "report_to",
    ]
  ) assert.ok(key in told, key);
  assert.match(told.logging_steps!, /share of all steps/);
  assert.equal(text.includes("\x1b"), false);
  assert.match(text, /^# {3}frobnicate: 3: not known to the import$/m);
});

Deno.test("an import copies no token", async () => {
  const { text, told } = await imported(
    `${TRL}beta: 0.1\nhub_token: hf_abc\nwandb_api_key: abc123\npad_token: <pad>\n`,
  );
  assert.match(told.hub_token!, /^\(hidden\): /);
  assert.match(told.pad_token!, /^"<pad>": /);
  assert.doesNotMatch(text, /hf_abc|abc123/);
});

Deno.test("None for max_length cuts nothing, and is told", async () => {
  const { config, told } = await imported(`${TRL}beta: 0.1\nmax_length: null\n`);
  assert.equal(config.data.max_length, 2 ** 20);
  assert.match(told.max_length!, /cuts nothing/);
});

Deno.test("a constant schedule has a warm-up only where it says so", async () => {
  const of = async (schedule: string) =>
    (await imported(`${TRL}beta: 0.1\nlr_scheduler_type: ${schedule}\nwarmup_steps: 5\n`)).config.training;
  assert.deepEqual([(await of("constant")).warmup_steps, (await of("constant_with_warmup")).warmup_steps], [0, 5]);
  assert.equal((await of("constant_with_warmup")).lr_scheduler_type, "constant");
  const share = await imported(`${TRL}beta: 0.1\nwarmup_steps: 0.25\n`);
  assert.deepEqual([share.config.training.warmup_ratio, share.config.training.warmup_steps], [0.25, 0]);
});

Deno.test("mixtures of TRL and alignment-handbook become sets", async () => {
  const trl = await imported(`
model_name_or_path: org/model
beta: 0.1
datasets:
  - { path: org/a, name: en, split: "train[:10]" }
  - { path: json, data_files: [rows/a.jsonl, rows/b.jsonl] }
  - { path: org/c, fraction: 0.5 }
`);
  assert.deepEqual(trl.config.data.train, [
    { path: "org/a", name: "en", split: "train[:10]" },
    { path: "rows/a.jsonl" },
    { path: "rows/b.jsonl" },
    { path: "org/c", split: "train" },
  ]);
  assert.match(trl.told["datasets.fraction"]!, /^0.5: all rows are taken/);
  const mixer = await imported(`
model_name_or_path: org/model
dataset_mixer: { org/a: 1.0, org/b: 0.5 }
dataset_splits: [train_prefs, test_prefs]
eval_strategy: steps
beta: 0.05
`);
  assert.equal(mixer.program, "alignment-handbook");
  assert.deepEqual(mixer.config.data.train, [
    { path: "org/a", split: "train_prefs" },
    { path: "org/b", split: "train_prefs", weight: 0.5 },
  ]);
  assert.deepEqual(mixer.config.data.eval, [
    { path: "org/a", split: "test_prefs" },
    { path: "org/b", split: "test_prefs" },
  ]);
  assert.equal(mixer.config.data.shuffle, true);
  const mixture = await imported(`
model_name_or_path: org/model
dataset_mixture:
  datasets:
    - { id: org/a, config: en, split: train, columns: [chosen, rejected], weight: 0.25, revision: v1 }
  seed: 7
  shuffled: true
chat_template: "{{ messages }}"
beta: 0.05
`);
  assert.deepEqual(mixture.config.data.train, [{ path: "org/a", name: "en", split: "train", weight: 0.25 }]);
  assert.deepEqual([mixture.config.data.seed, mixture.config.data.shuffle], [7, true]);
  assert.match(mixture.told.chat_template!, /^here it is a file: -o writes one/);
  assert.equal(mixture.template, null);
  for (const key of ["datasets.0.revision", "shuffled"]) assert.ok(`dataset_mixture.${key}` in mixture.told, key);
});

Deno.test("a slice of a file stays; one of several files together is told, and so is what names no file", async () => {
  const trl = await imported(`
model_name_or_path: org/model
beta: 0.1
datasets:
  - { path: json, data_files: rows/a.jsonl, split: "train[:10%]", data_dir: rows }
  - { path: json, data_files: [rows/b.jsonl, rows/c.jsonl], split: "train[5:]" }
`);
  assert.deepEqual(trl.config.data.train, [
    { path: "rows/a.jsonl", split: "train[:10%]" },
    { path: "rows/b.jsonl" },
    { path: "rows/c.jsonl" },
  ]);
  assert.match(trl.told["datasets.split"]!, /^train\[5:\]: all rows of 2 files are taken/);
  assert.equal(trl.told["datasets.0.data_dir"], "here a file is named by its path");
  const axolotl = await imported(`
base_model: m
learning_rate: 1e-5
datasets:
  - { path: rows.jsonl, ds_type: json, split: "train[:10%]", type: alpaca }
  - { path: org/rows, ds_type: json, data_files: part.jsonl }
`);
  assert.deepEqual(axolotl.config.data.train, [
    { path: "rows.jsonl", split: "train[:10%]" },
    { path: "org/rows", split: "train" },
  ]);
  assert.equal(axolotl.told.data_files, "here a file is named by its path");
});

Deno.test("a config of LLaMA-Factory has its defaults: an adapter of rank 8, alpha twice that, all linear layers", async () => {
  const { config, program, told } = await imported(`
model_name_or_path: org/model
stage: dpo
do_train: true
dataset: pairs_a, pairs_b
template: qwen
lora_target: all
pref_beta: 0.2
pref_loss: hinge
max_samples: 1000
val_size: 0.1
per_device_train_batch_size: 1
gradient_accumulation_steps: 8
bf16: true
quantization_bit: 4
`);
  assert.deepEqual([program, config.method], ["llama-factory", "dpo"]);
  const { lora, training, data } = config;
  assert.deepEqual([lora!.r, lora!.lora_alpha, lora!.lora_dropout], [8, 16, 0]);
  assert.deepEqual([lora!.target_modules, lora!.save, config.quantization], ["all-linear", "adapter", "nf4"]);
  assert.deepEqual([training.beta, training.loss_type, training.learning_rate], [0.2, "hinge", 5e-5]);
  assert.deepEqual([training.per_device_train_batch_size, training.gradient_accumulation_steps], [1, 8]);
  assert.deepEqual([data.max_length, data.conversational, training.logging_steps], [2048, true, 500]);
  assert.deepEqual(data.train, [
    { path: "pairs_a", split: "train[:1000]" },
    { path: "pairs_b", split: "train[:1000]" },
  ]);
  for (const key of ["template", "cutoff_len", "val_size", "dataset pairs_a", "bf16", "double_quantization"]) {
    assert.ok(key in told, key);
  }
  const full = await imported(
    "stage: sft\nfinetuning_type: full\nmodel_name_or_path: m\ndataset: a\ndisable_shuffling: true\n",
  );
  assert.deepEqual([full.config.lora, full.config.training.loss_type], [undefined, "sft"]);
  assert.deepEqual([full.config.data.assistant_only_loss, full.config.training.shuffle], [true, false]);
  const own = await imported(
    "stage: sft\nmodel_name_or_path: m\ndataset: a\nlora_target: q_proj, v_proj\nlora_rank: 4\n",
  );
  assert.deepEqual([own.config.lora!.target_modules, own.config.lora!.lora_alpha], [["q_proj", "v_proj"], 8]);
});

Deno.test("LLaMA-Factory's data sets are looked up in dataset_info.json", async () => {
  const dir = await Deno.makeTempDir();
  const info = {
    pairs: {
      hf_hub_url: "org/pairs",
      subset: "en",
      split: "train",
      ranking: true,
      columns: { prompt: "q", chosen: "chosen", rejected: "bad" },
    },
    talks: { file_name: "talks.json", formatting: "sharegpt", columns: { messages: "turns" } },
    part: { file_name: "b.json", split: "train[:5]" },
    turns: { file_name: "a.json", num_samples: 9, columns: { prompt: "q", history: "before", images: null } },
  };
  await Deno.writeTextFile(`${dir}/dataset_info.json`, JSON.stringify(info));
  const config = (names: string) => `stage: sft\nmodel_name_or_path: m\ndataset: ${names}\ndataset_dir: ${dir}\n`;
  const made = await imported(config("pairs, talks, part"));
  assert.deepEqual(made.config.data.train, [
    { path: "org/pairs", name: "en", split: "train", columns: { instruction: "q", rejected: "bad" } },
    { path: `${dir}/talks.json`, columns: { messages: "turns" } },
    { path: `${dir}/b.json`, split: "train[:5]" },
  ]);
  assert.ok(!Object.keys(made.told).some((key) => key.startsWith("dataset_info.json")));
  const { told } = await imported(config("turns"));
  assert.deepEqual(
    Object.keys(told).filter((key) => key.startsWith("dataset_info.json")),
    ["dataset_info.json turns.num_samples", "dataset_info.json turns.columns.history"],
  );
  const other = await imported(config("absent"));
  assert.match(other.told["dataset absent"]!, /^dataset_info.json does not name it/);
  await Deno.remove(dir, { recursive: true });
});

Deno.test("a config of axolotl has its defaults: a micro-batch of one, a cosine, 512 tokens, 3% of warm-up", async () => {
  const { config, program, told } = await imported(`
base_model: org/model
load_in_4bit: true
adapter: qlora
lora_r: 32
lora_alpha: 16
lora_target_linear: true
rl: dpo
rl_beta: 0.3
datasets:
  - path: org/pairs
    split: train
    type: chatml.intel
  - path: rows.jsonl
    ds_type: json
    type: { field_prompt: question, field_chosen: good, field_rejected: bad, prompt_format: "{prompt}" }
learning_rate: 2e-4
val_set_size: 0.05
flash_attention: true
`);
  assert.deepEqual([program, config.method, config.model], ["axolotl", "dpo", "org/model"]);
  const { lora, training, data } = config;
  assert.deepEqual([lora!.r, lora!.lora_alpha, lora!.lora_dropout], [32, 16, 0]);
  assert.deepEqual([lora!.target_modules, config.quantization], ["all-linear", "nf4"]);
  assert.deepEqual([training.beta, training.loss_type, training.learning_rate], [0.3, "sigmoid", 2e-4]);
  assert.deepEqual([training.per_device_train_batch_size, training.num_train_epochs], [1, 1]);
  assert.deepEqual([training.lr_scheduler_type, training.warmup_ratio, data.max_length], ["cosine", 0.03, 512]);
  assert.equal(training.gradient_checkpointing, false);
  assert.deepEqual(data.train, [
    { path: "org/pairs", split: "train" },
    { path: "rows.jsonl", columns: { prompt: "question", chosen: "good", rejected: "bad" } },
  ]);
  for (
    const key of ["type chatml.intel", "datasets.type.prompt_format", "val_set_size", "sequence_len", "flash_attention"]
  ) {
    assert.ok(key in told, key);
  }
  const sft = await imported(`
base_model: m
datasets: [{ path: org/talks, type: chat_template, field_messages: turns }]
learning_rate: "0.00002"
micro_batch_size: 2
optimizer: adamw_torch
lr_scheduler: linear
warmup_steps: 10
`);
  assert.deepEqual([sft.config.method, sft.config.data.assistant_only_loss], ["sft", true]);
  assert.deepEqual(sft.config.data.train, [{ path: "org/talks", split: "train", columns: { messages: "turns" } }]);
  assert.deepEqual([sft.config.training.learning_rate, sft.config.training.warmup_steps], [2e-5, 10]);
  const ipo = await imported("base_model: m\nrl: ipo\ndatasets: [{ path: p }]\nlearning_rate: 1e-6\n");
  assert.equal(ipo.config.training.loss_type, "ipo");
});

Deno.test.each([
  [
    "two losses",
    `${TRL}loss_type: [sigmoid, sft]\n`,
    /loss_type: \["sigmoid", "sft"\] has no counterpart here, expected one loss$/,
  ],
  [
    "another loss",
    `${TRL}loss_type: apo_zero\n`,
    /loss_type: "apo_zero" has no counterpart here, expected sigmoid, hinge/,
  ],
  ["another optimizer", `${TRL}beta: 1\noptim: lion_32bit\n`, /optim: "lion_32bit" has no counterpart here/],
  [
    "a name that JavaScript knows",
    `${TRL}beta: 1\noptim: constructor\n`,
    /optim: "constructor" has no counterpart here/,
  ],
  ["another schedule", `${TRL}beta: 1\nlr_scheduler_type: inverse_sqrt\n`, /lr_scheduler_type: "inverse_sqrt" has no/],
  ["DoRA", `${TRL}beta: 1\nuse_peft: true\nuse_dora: true\n`, /use_dora: true has no counterpart here, expected none$/],
  ["whole modules", `${TRL}beta: 1\nlora_modules_to_save: [lm_head]\n`, /lora_modules_to_save: \["lm_head"\] has no/],
  ["another trainer", `${TRL}reward_funcs: f\n`, /reward_funcs: "a trainer other than DPO's and SFT's"/],
  [
    "neither command",
    TRL,
    /^Cannot tell whether .*: it has keys of neither alone, expected --method dpo or --method sft$/,
  ],
  ["no number", `${TRL}beta: much\n`, /^Cannot import beta: it is "much", expected a number$/],
  ["a value that is out", `${TRL}beta: 0\n`, /as dnpo's training.beta: expected a number > 0, got 0$/],
  ["ORPO", "stage: dpo\npref_loss: orpo\nmodel_name_or_path: m\ndataset: a\n", /pref_loss: "orpo" has no counterpart/],
  ["PPO", "stage: ppo\nmodel_name_or_path: m\n", /stage: "ppo" has no counterpart here, expected dpo or sft$/],
  [
    "freezing",
    "stage: sft\nfinetuning_type: freeze\nmodel_name_or_path: m\ndataset: a\n",
    /finetuning_type: "freeze" has no/,
  ],
  ["KTO", "base_model: m\nrl: kto\n", /rl: "kto" has no counterpart here, expected dpo, ipo or none$/],
  [
    "adapters without modules",
    "base_model: m\nadapter: lora\nlora_r: 8\nlora_alpha: 8\nlearning_rate: 1\n",
    /lora_target_linear$/,
  ],
  [
    "other first values of an adapter",
    `${AXOLOTL_ADAPTER}peft_init_lora_weights: pissa\n`,
    /peft_init_lora_weights: "pissa" has no counterpart here, expected true, gaussian or none$/,
  ],
  [
    "our own config",
    "model: m\ndata: { train: d }\n",
    /it has dnpo's own keys \(model, data\), so that it needs no import$/,
  ],
  [
    "no known key",
    "a: 1\n",
    /its keys are those of none of trl, alignment-handbook, llama-factory, axolotl; --from NAME/,
  ],
  ["a list", "- a\n", /it is a list, expected a mapping of settings$/],
  ["broken YAML", "a: [\n", /^Cannot import .*Flow sequence/],
  ["a circle", "a: &x { b: *x }\n", /^Cannot import /],
])("an import refuses %s", async (_, text, expected) => {
  assert.match(await refusal(text), expected);
});

Deno.test("a chat template in the config is for a file, which the config names", async () => {
  const template = "{% for m in messages %}{{ m.content }}{% endfor %}";
  const options = { templateFile: "made/mine.jinja" };
  const trl = `${TRL}dataset_mixer: { a: 1 }\nbeta: 1\nchat_template: "${template}"\n`;
  const axolotl = `base_model: m\ndatasets: [{ path: p }]\nlearning_rate: 1\nchat_template_jinja: "${template}"\n`;
  for (const text of [trl, axolotl]) {
    const made = await imported(text, options);
    assert.deepEqual([made.template, made.config.data.chat_template], [template, "made/mine.jinja"]);
  }
});

Deno.test("--method tells which command of TRL it is", async () => {
  assert.equal((await imported(TRL, { method: "sft" })).config.training.learning_rate, 2e-5);
  assert.equal((await imported(TRL, { method: "dpo" })).config.training.learning_rate, 1e-6);
});

Deno.test("what else a schedule is given there is its usual cycles, or told, or refused", async () => {
  const schedule = (type: string, given: string) =>
    imported(`${TRL}beta: 0.1\nlr_scheduler_type: ${type}\nlr_scheduler_kwargs: ${given}\n`);
  for (const [type, given] of [["cosine", "{num_cycles: 0.5}"], ["cosine_with_restarts", "'{\"num_cycles\": 1}'"]]) {
    const { config, told } = await schedule(type!, given!);
    assert.equal(config.training.lr_scheduler_type, "cosine");
    assert.deepEqual(Object.keys(told).filter((key) => key.startsWith("lr_")), []);
  }
  const cut = await schedule("cosine", "{num_cycles: 0.25, other: 3}");
  assert.match(
    cut.told["lr_scheduler_kwargs.num_cycles"]!,
    /^0\.25: here cosine is half a cycle, down to 0, which is 0\.5/,
  );
  assert.match(cut.told["lr_scheduler_kwargs.other"]!, /^3: here there is none/);
  const line = await schedule("linear", "{num_cycles: 2}");
  assert.match(line.told["lr_scheduler_kwargs.num_cycles"]!, /^2: here there is none/);
  await assert.rejects(
    schedule("cosine_with_restarts", "{num_cycles: 3}"),
    /^UserError: Cannot import lr_scheduler_kwargs\.num_cycles: 3 has no counterpart here, expected 1, which is cosine$/,
  );
  await assert.rejects(
    schedule("cosine", "7"),
    /^UserError: Cannot import lr_scheduler_kwargs: it is 7, expected a map/,
  );
});

Deno.test("dtype auto is the files' own type, and the note says what differs", async () => {
  const { config, told } = await imported(`${TRL}beta: 0.1\ndtype: auto\n`);
  assert.equal(config.dtype, undefined);
  assert.match(
    told.dtype!,
    /^auto is the type of the model's files, in which it is trained there; here weights are float32/,
  );
});

Deno.test("a best model and early stopping are taken where there are held-out rows, and told", async () => {
  const keys = "load_best_model_at_end: true\nmetric_for_best_model: loss\ngreater_is_better: false\n";
  const held = "eval_strategy: epoch\ndataset_test_split: test\n";
  const of = async (text: string, options: ImportOptions = {}) => {
    const { config: { training }, told } = await imported(text, options);
    const { load_best_model_at_end, metric_for_best_model, greater_is_better, early_stopping_patience } = training;
    return { set: [load_best_model_at_end, metric_for_best_model, greater_is_better, early_stopping_patience], told };
  };
  const taken = await of(`${TRL}beta: 0.1\n${held}${keys}`);
  assert.deepEqual(taken.set, [true, "eval_preference_loss", false, undefined]);
  assert.match(taken.told.load_best_model_at_end!, /here the best of the iterations' models/);
  const bare = await of(`${TRL}beta: 0.1\n${keys}`);
  assert.deepEqual(bare.set, [false, undefined, undefined, undefined]);
  assert.match(bare.told.load_best_model_at_end!, /^here it takes held-out rows, in data\.eval$/);
  const margins = await of(`${TRL}beta: 0.1\n${held}${keys.replace("loss", "eval_rewards/margins")}`);
  assert.deepEqual(margins.set, [true, "eval_rewards_margins", false, undefined]);
  const other = await of(`${TRL}beta: 0.1\n${held}${keys.replace("loss", "eval_bleu")}`);
  assert.deepEqual(other.set, [false, undefined, undefined, undefined]);
  assert.match(other.told.load_best_model_at_end!, /^here "eval_bleu" is not measured$/);
  const off = await of(`${TRL}beta: 0.1\n${held}load_best_model_at_end: false\n`);
  assert.deepEqual([off.set[0], off.told.load_best_model_at_end], [false, undefined]);
  const axolotl = await of(
    "base_model: org/model\nlearning_rate: 1e-5\nrl: dpo\ndatasets: [{ path: org/pairs, type: chat_template.default }]\n" +
      "test_datasets: [{ path: org/held, type: chat_template.default }]\nearly_stopping_patience: 3\n",
    { from: "axolotl" },
  );
  assert.deepEqual(axolotl.set, [false, "eval_preference_loss", undefined, 3]);
  assert.match(axolotl.told.early_stopping_patience!, /here iterations/);
});
