import assert from "node:assert/strict";
import { parse } from "yaml";
import { explainConfig, writeExplained } from "../../../core/config/config.ts";
import { problems, withFile } from "./_configs.ts";

async function originsOf(text: string, set: string[] = []): Promise<Record<string, string>> {
  return await withFile(text, async (file) => {
    const { settings } = await explainConfig(file, { set });
    return Object.fromEntries(settings.map(({ key, from }) => [key, from.replaceAll(file, "config.yaml")]));
  });
}

Deno.test("explainConfig() names the place of each setting", async () => {
  const text = `model: m
training:
  beta: [0.1, 0.5]
  learning_rate: 1e-6
generation: { seed: 7 }
`;
  const from = await originsOf(text, ["training.learning_rate=1e-5", "data.train=rows.jsonl", "labels.margin=null"]);
  assert.equal(from.model, "config.yaml:1:8");
  assert.equal(from["training.beta.0"], "config.yaml:3:10");
  assert.equal(from["training.beta.1"], "config.yaml:3:15");
  assert.equal(from["generation.seed"], "config.yaml:5:21");
  assert.equal(from["training.learning_rate"], "--set");
  assert.equal(from["data.train"], "--set");
  assert.equal(from["labels.margin"], "default");
  assert.equal(from["training.optim"], "default");
  assert.equal(from.output_dir, "name of config.yaml");
  assert.equal(from["noise.alpha"], "default");
});

Deno.test("explainConfig() names the place of empty lists and mappings", async () => {
  const from = await originsOf("training: { report_to: [] }\nlora:\n  rank_pattern: {}\n");
  assert.equal(from["training.report_to"], "config.yaml:1:24");
  assert.equal(from["lora.rank_pattern"], "config.yaml:3:17");
  assert.equal(from["lora.alpha_pattern"], "default");
  assert.equal(from["training.learning_rate"], "lora");
});

Deno.test("writeExplained() keeps an empty list on its key's line", async () => {
  const { config, settings } = await explainConfig(undefined);
  const text = writeExplained(config, settings);
  assert.match(text, /^ {2}report_to: \[\] +# default$/m);
  assert.equal(text.split("\n").filter((line) => /^\s*(#|[\[{])/.test(line)).length, 0);
  assert.deepEqual(parse(text), JSON.parse(JSON.stringify(config)));
});

Deno.test("explainConfig() tells what a method decides, over the file too", async () => {
  const text = "method: dnpo\nlabels: { judge: verifier, verifier: v.ts }\nnoise: { alpha: 1 }\n";
  const from = await originsOf(text, ["method=spin"]);
  assert.deepEqual([from.noise, from["labels.judge"], from.method], ["method spin", "method spin", "--set"]);
  assert.equal(from["labels.verifier"], "config.yaml:2:38");
  const sft = await originsOf("method: sft\n");
  assert.deepEqual([sft.noise, sft["training.loss_type"]], ["method sft", "method sft"]);
});

Deno.test("writeExplained() is YAML of the same settings", () =>
  withFile('model: "a #b: c"\ntraining: { beta: [0.1, 0.2] }\n', async (file) => {
    const { config, settings } = await explainConfig(file);
    const text = writeExplained(config, settings);
    assert.deepEqual(parse(text), JSON.parse(JSON.stringify(config)));
    assert.match(text, /^ {4}- 0\.2 +# .*config\.yaml:2:25$/m);
    assert.match(text, /^ {2}optim: adamw +# default$/m);
  }));

Deno.test("a wrong word is told with the one that was meant, problems in the file's order", async () => {
  const text = `training:
  optim: adam
  lr_scheduler_type: cosin
noise: { update: jiont }
method: dpoo
labels: { judge: nonsense }
`;
  assert.deepEqual(await problems(text), [
    'config.yaml:2:10 training.optim: expected "adamw", "adamw_torch" or "rmsprop", got "adam", did you mean "adamw"?',
    'config.yaml:3:22 training.lr_scheduler_type: expected "linear", "cosine", "constant" or "constant_with_warmup", ' +
    'got "cosin", did you mean "cosine"?',
    'config.yaml:4:18 noise.update: expected "none", "joint" or "alternating", got "jiont", did you mean "joint"?',
    'config.yaml:5:9 method: expected "sft", "dpo", "spin" or "dnpo", got "dpoo", did you mean "dpo"?',
    'config.yaml:6:18 labels.judge: expected "human", "verifier", "logprob", "reward-model", "llm", "self" or "ensemble", got "nonsense"',
  ]);
});
