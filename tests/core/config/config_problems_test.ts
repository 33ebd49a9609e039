import assert from "node:assert/strict";
import fc from "fast-check";
import { loadConfig } from "../../../core/config/config.ts";
import { UserError } from "../../../core/error.ts";
import { EXAMPLE, load, problems, withFile } from "./_configs.ts";

Deno.test.each([
  [
    "TRL's switch for adapters",
    "use_peft: true\n",
    "config.yaml:1:1 use_peft: unknown key, here adapters are trained where lora is set (lora: {} takes its defaults)",
  ],
  [
    "TRL's name of a quantized base",
    "load_in_8bit: true\n",
    "config.yaml:1:1 load_in_8bit: unknown key, here it is quantization: int8",
  ],
  ["PEFT's name", "lora_r: 8\n", "config.yaml:1:1 lora_r: unknown key, here it is lora.r"],
  ["an unknown key", "dat: 1\n", 'config.yaml:1:1 dat: unknown key, did you mean "data"?'],
  [
    "text for a number",
    "model: m\n\ntraining:\n  beta: x\n",
    'config.yaml:4:9 training.beta: expected number, got "x"',
  ],
  ["an item of a list", "training:\n  beta: [1, x]", 'config.yaml:2:13 training.beta.1: expected number, got "x"'],
  ["an empty list", "training:\n  beta: []", "config.yaml:2:9 training.beta: expected at least one entry, got a list"],
  ["a fraction", "iterations: 1.5", "config.yaml:1:13 iterations: expected integer, got 1.5"],
  [
    "neither boolean nor count",
    "training: {gradient_checkpointing: 1.5}",
    "config.yaml:1:36 training.gradient_checkpointing: expected true or false or integer, got 1.5",
  ],
  ["zero", "iterations: 0", "config.yaml:1:13 iterations: expected a number ≥ 1, got 0"],
  ["a bound that is out", "training: {beta: 0}", "config.yaml:1:18 training.beta: expected a number > 0, got 0"],
  ["too much", "generation: {top_p: 2}", "config.yaml:1:21 generation.top_p: expected a number ≤ 1, got 2"],
  ["no finite number", "training: {beta: .nan}", "config.yaml:1:18 training.beta: expected number, got NaN"],
  ["a boolean of YAML 1.1", "mix_previous: no", 'config.yaml:1:15 mix_previous: expected true or false, got "no"'],
  [
    "an unknown choice",
    "method: dno",
    'config.yaml:1:9 method: expected "sft", "dpo", "spin" or "dnpo", got "dno", did you mean "dnpo"?',
  ],
  [
    "an unknown tracker",
    "training: {report_to: comet}",
    'config.yaml:1:23 training.report_to: expected "none", "all", "tensorboard", "wandb", "mlflow" or "trackio", got "comet"',
  ],
  [
    "an unknown tracker in a list",
    "training: {report_to: [wandb, tensorbord]}",
    'config.yaml:1:31 training.report_to.1: expected "tensorboard", "wandb", "mlflow" or "trackio", got "tensorbord", did you mean "tensorboard"?',
  ],
  [
    "an address of no tracking server",
    "training: {mlflow_tracking_uri: 'sqlite:///mlflow.db'}",
    'config.yaml:1:33 training.mlflow_tracking_uri: expected a folder, or an address that begins with http:// or https:// (a server with a database of its own), got "sqlite:///mlflow.db"',
  ],
  [
    "a tracking server's address with a login",
    "training: {mlflow_tracking_uri: 'https://me:secret@host/'}",
    "config.yaml:1:33 training.mlflow_tracking_uri: is an address with a user name or password, expected one without, and them in MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
  ],
  ["a scalar for a mapping", "training: 3", "config.yaml:1:11 training: expected a mapping, got 3"],
  ["a mapping for a scalar", "model: {}", "config.yaml:1:8 model: expected text, got a mapping"],
  ["empty text", 'model: ""', 'config.yaml:1:8 model: expected text that is not empty, got ""'],
  ["noise of no kind", "noise: some", 'config.yaml:1:8 noise: expected "none" or a mapping, got "some"'],
  [
    "a key in a list",
    "noise:\n  - none\n  - { alfa: 1 }",
    'config.yaml:3:7 noise.1.alfa: unknown key, did you mean "noise.alpha"?',
  ],
  [
    "a value in a list",
    "labels:\n  - {}\n  - { judge: me }",
    'config.yaml:3:14 labels.1.judge: expected "human", "verifier", "logprob", "reward-model", "llm", "self" or "ensemble", got "me"',
  ],
  [
    "a value behind an alias",
    "noise: [none, &n { alpha: x }, *n]",
    'config.yaml:1:27 noise.1.alpha: expected number, got "x"',
    'config.yaml:1:27 noise.2.alpha: expected number, got "x"',
  ],
  ["a list", "- a", "config.yaml:1:1 expected a mapping of settings, got a list"],
  ["text", "hello", 'config.yaml:1:1 expected a mapping of settings, got "hello"'],
  ["a key given twice", "model: a\nmodel: b", "config.yaml:2:1 Map keys must be unique"],
  [
    "broken YAML",
    "data: [1\n",
    "config.yaml:2:1 Flow sequence in block collection must be sufficiently indented and end with a ]",
  ],
  ["a tag", "model: !!js/function x", "config.yaml:1:8 Unresolved tag: tag:yaml.org,2002:js/function"],
])("loadConfig() names the place of %s", async (_, text, ...rest) => {
  // The last argument is the test's context.
  const lines = rest.slice(0, -1);
  assert.deepEqual(await problems(text), lines);
});

Deno.test("loadConfig() reports every problem, each in a line", async () => {
  assert.deepEqual(await problems("modle: x\ntraining:\n  lr: 1\n  beta: -1\n  shuffel: true\n"), [
    'config.yaml:1:1 modle: unknown key, did you mean "model"?',
    "config.yaml:3:3 training.lr: unknown key, here it is training.learning_rate",
    "config.yaml:4:9 training.beta: expected a number > 0, got -1",
    'config.yaml:5:3 training.shuffel: unknown key, did you mean "training.shuffle"?',
  ]);
});

Deno.test("loadConfig() reports at most twenty problems", async () => {
  const lines = await problems(Array.from({ length: 500 }, (_, i) => `key${i}: 1`).join("\n"));
  assert.equal(lines.length, 21);
  assert.equal(lines[20], "and 480 more problems");
});

Deno.test.each([
  ["sft with noise", "method: sft\nnoise: {}", [], /^config\.yaml:2:8 noise: method sft is without noise/],
  ["dpo with noise", "method: dpo\nnoise: {}", [], /^config\.yaml:2:8 noise: method dpo is without noise/],
  ["spin with noise", "method: spin\nnoise: { rank: 8 }", [], /^config\.yaml:2:8 noise: method spin is without noise/],
  ["noise in a later iteration", "method: sft\nnoise: [none, {}]", [], /^config\.yaml:2:8 noise: method sft/],
  ["loss sft with noise", "training: { loss_type: sft }", [], /noise: loss_type sft is without noise/],
  ["sft with another loss", "method: sft\ntraining: { loss_type: ipo }", [], /:2:24 training.loss_type: .*got "ipo"$/],
  ["smoothing without robust", "training: { label_smoothing: 0.1 }", [], /:1:30 training.label_smoothing: is 0.1/],
  ["two warm-ups", "training: { warmup_steps: 1, warmup_ratio: 0.1 }", [], /:1:44 training.warmup_ratio: is 0.1/],
  [
    "a best model without held-out rows",
    "training: { load_best_model_at_end: true }",
    [],
    /:1:37 training\.load_best_model_at_end: is true without held-out rows, expected data\.eval set \(or false\)$/,
  ],
  [
    "patience without held-out rows",
    "training: { early_stopping_patience: 2 }",
    [],
    /:1:38 training\.early_stopping_patience: is 2 without held-out rows, expected data\.eval set \(or null\)$/,
  ],
  [
    "a share of right answers without a verifier in each iteration",
    "training: { load_best_model_at_end: true, metric_for_best_model: eval_greedy }\ndata: { eval: held.jsonl }\n" +
    "labels: [{ judge: verifier, verifier: v.ts }, { judge: human }]\niterations: 2",
    [],
    /:1:66 training\.metric_for_best_model: is greedy without a verifier, expected labels\.verifier set, which it is measured with \(or eval_loss\)$/,
  ],
  [
    "sft and noise from set",
    EXAMPLE,
    ["method=sft", "noise.update=joint"],
    /^--set noise: method sft is without noise/,
  ],
])("loadConfig() refuses the contradiction %s", async (_, text, set, expected) => {
  const lines = await problems(text, set);
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, expected);
});

Deno.test("loadConfig() takes robust with smoothing, and hinge and ipo with noise", async () => {
  assert.equal((await load("training: { loss_type: robust, label_smoothing: 0.1 }")).training.label_smoothing, 0.1);
  for (const loss of ["hinge", "ipo"]) {
    assert.notEqual((await load(`training: { loss_type: ${loss} }`)).noise, "none");
  }
});

Deno.test.each([
  ["training.bata=1", '--set training.bata: unknown key, did you mean "training.beta"?'],
  ["training.beta=x", '--set training.beta: expected number, got "x"'],
  ["training.beta.x=1", "--set training.beta: expected number, got a mapping"],
  ["noise=[none", "--set noise: Flow sequence must end with a ]"],
  ["model", '--set: expected key=value such as training.beta=0.1, got "model"'],
  ["=x", '--set: expected key=value such as training.beta=0.1, got "=x"'],
  ["a..b=x", '--set: expected key=value such as training.beta=0.1, got "a..b=x"'],
])("loadConfig() answers --set %s", async (set, line) => {
  assert.deepEqual(await problems(EXAMPLE, [set]), [line]);
});

Deno.test("loadConfig() takes names that JavaScript knows for unknown keys", async () => {
  assert.match((await problems("__proto__: { method: sft }"))[0]!, /^config.yaml:1:1 __proto__: unknown key/);
  for (const key of ["__proto__.method", "constructor.prototype.x", "training.__proto__.beta"]) {
    assert.match((await problems("model: m", [`${key}=sft`]))[0]!, /^--set [a-z_.]+: unknown key, expected one /);
  }
  assert.equal(({} as Record<string, unknown>).method, undefined);
});

Deno.test("loadConfig() names a file that is missing, a folder, too large, or no UTF-8", async () => {
  await assert.rejects(
    loadConfig("no/such.yaml"),
    new UserError('Cannot read config "no/such.yaml": there is no such file'),
  );
  await assert.rejects(loadConfig("."), new UserError('Cannot read config ".": it is no file, expected a YAML file'));
  assert.deepEqual(await problems(new Uint8Array([0x61, 0x3a, 0xff])), [
    'Cannot read config "config.yaml": it is not UTF-8 text',
  ]);
  assert.match((await problems("#".repeat(2 << 20)))[0]!, /it has 2097152 bytes, expected at most 32768$/);
});

Deno.test("loadConfig() refuses endless and exploding YAML within a second", async () => {
  const bomb = ["a: &a [x,x,x,x,x,x,x,x,x]"];
  for (const [i, name] of [..."bcdefghi"].entries()) {
    const before = "abcdefgh"[i];
    bomb.push(`${name}: &${name} [${Array(9).fill(`*${before}`).join(",")}]`);
  }
  const start = performance.now();
  assert.match((await problems(bomb.join("\n")))[0]!, /Excessive alias count/);
  assert.match((await problems("model: &a [*a]"))[0]!, /nested deeper than 16 levels/);
  assert.match((await problems("model: *nope"))[0]!, /Unresolved alias/);
  assert.equal((await problems("model: " + "[".repeat(20_000))).length, 1);
  assert(performance.now() - start < 20_000);
});

Deno.test("loadConfig() answers a mutated config with a config or a UserError", async () => {
  const piece = fc.oneof(
    fc.string({ maxLength: 6 }),
    fc.constantFrom("[", "{", "- ", ": ", "\n", "*a", "&a ", "~", "0x", "!!", "?"),
  );
  const place = fc.nat(EXAMPLE.length);
  await withFile("", async (file) => {
    await fc.assert(
      fc.asyncProperty(place, fc.nat(30), piece, async (at, cut, text) => {
        await Deno.writeTextFile(file, EXAMPLE.slice(0, at) + text + EXAMPLE.slice(at + cut));
        try {
          assert.equal(typeof (await loadConfig(file)).iterations, "number");
        } catch (error) {
          assert(error instanceof UserError, String(error));
          for (const line of error.message.split("\n")) assert(line.length < 300 && line.length > 10, line);
        }
      }),
      { numRuns: 300, seed: 1 },
    );
  });
});

Deno.test("loadConfig() takes the names that transformers has for a metric, and no number that is not held out", async () => {
  const of = (name: string): string =>
    `training: { load_best_model_at_end: true, metric_for_best_model: ${name} }\ndata: { eval: held.jsonl }\n` +
    "labels: [{ judge: verifier, verifier: v.ts }, { judge: human }]\niterations: 1";
  for (const name of ["loss", "eval_loss", "sampled", "eval_sampled", "greedy", "eval_greedy"]) {
    const { metric_for_best_model: metric } = (await load(of(name))).training;
    assert.equal(metric, name.endsWith("loss") ? "eval_loss" : name.replace("eval_", ""));
  }
  const [problem] = await problems(of("rewards_margins"));
  assert.match(
    problem!,
    /training\.metric_for_best_model: got "rewards_margins", did you mean "\w+.margins"\? \(expected "eval_loss", "sampled", "greedy", "sampled_score", "greedy_score", "rewards\/accuracies", .* or "preference_loss" or TASK\/METRIC of a benchmark\)$/,
  );
});
