import assert from "node:assert/strict";
import { knownKeys } from "../../../core/config/config_keys.ts";
import { answerTo } from "../../../core/config/unknown_key.ts";
import golden from "./goldens/foreign_fields.json" with { type: "json" };
import { EXAMPLE, problems } from "./_configs.ts";

for (const [name, fields] of Object.entries(golden.fields)) {
  Deno.test(`every key of ${name} is answered by name, not guessed`, () => {
    const known = new Set([...knownKeys().keys()]);
    const guessed = Object.keys(fields).filter((key) => !known.has(key))
      .filter((key) => !answerTo("", key).startsWith("here "));
    assert.deepEqual(guessed, []);
  });
}

Deno.test("answers name only keys that a config can have", () => {
  const keys = Object.values(golden.fields).flatMap((fields) => Object.keys(fields));
  for (const key of keys) {
    for (
      const [, named] of answerTo("", key).matchAll(
        /\b((?:data|training|lora|generation|labels|noise)\.[a-z0-9_.]*[a-z0-9])/g,
      )
    ) {
      assert(knownKeys().has(named!), `${key}: ${named}`);
    }
  }
});

Deno.test.each([
  // Names of other programs.
  ["", "model_name_or_path", "here it is model"],
  ["data", "dataset_name", "here it is data.train"],
  ["training", "data_seed", "here it is data.seed"],
  [
    "",
    "bf16",
    "here there is none: arithmetic and trained weights are float32 (dtype is that of the model handed out)",
  ],
  [
    "training",
    "fp16",
    "here there is none: arithmetic and trained weights are float32 (dtype is that of the model handed out)",
  ],
  ["", "seed", "here it is training.seed, generation.seed and data.seed"],
  ["training", "eval_delay", "here there is none: data.eval is evaluated at the start and after every iteration"],
  [
    "training",
    "per-device-eval-batch-size",
    "here there is none: data.eval is evaluated at the start and after every iteration",
  ],
  [
    "",
    "max_prompt_length",
    "here data.max_length bounds prompt and response together; rows with longer prompts are dropped",
  ],
  ["", "ref_model", "here the reference is the model that an iteration starts from"],
  ["", "load_best_model_at_end", "here it is training.load_best_model_at_end"],
  ["training", "early_stopping_steps", "here it is training.early_stopping_patience"],
  ["", "base_model", "here it is model"],
  ["", "sequence_len", "here it is data.max_length"],
  ["", "cutoff_len", "here it is data.max_length"],
  ["", "pref_beta", "here it is training.beta"],
  ["training", "betas", "here it is training.adam_beta1 and training.adam_beta2"],
  ["", "lora_target", "here it is lora.target_modules"],
  ["", "dataset_mixer", "here it is data.train"],
  ["generation", "max_completion_length", "here it is generation.max_new_tokens"],
  // Known keys at another level.
  ["", "learning_rate", "here it is training.learning_rate"],
  ["", "beta", "here it is training.beta"],
  ["", "max_length", "here it is data.max_length"],
  ["", "temperature", "here it is generation.temperature"],
  ["", "judge", "here it is labels.judge"],
  ["", "split", "here it is data.train.split or data.eval.split"],
  ["training", "noise_steps", "here it is noise.noise_steps"],
  ["training", "model", "here it is model"],
  ["lora", "rank", "here it is lora.r"],
  ["lora", "alpha", "here it is lora.lora_alpha"],
  // Misspelt, and near.
  ["", "modle", 'did you mean "model"?'],
  ["", "outputdir", 'did you mean "output_dir"?'],
  ["training", "lerning_rate", 'did you mean "training.learning_rate"?'],
  ["training", "max_grad", 'did you mean "training.max_grad_norm"?'],
  // Near to nothing.
  ["", "frobnicate", 'expected one that "dnpo config" prints'],
  ["", "x", 'expected one that "dnpo config" prints'],
  [
    "noise",
    "wobble",
    "expected one of update, noise_steps, model_steps, init, rank, learning_rate, max_variance, alpha",
  ],
])("in %j the unknown key %j is answered", (parent, key, expected) => {
  assert.equal(answerTo(parent, key), expected);
});

Deno.test("errors and --set give the answers", async () => {
  assert.deepEqual(await problems("learning_rate: 1.0e-6\n"), [
    "config.yaml:1:1 learning_rate: unknown key, here it is training.learning_rate",
  ]);
  assert.deepEqual(await problems(EXAMPLE, ["lora.rank=8"]), [
    "--set lora.rank: unknown key, here it is lora.r",
  ]);
});
