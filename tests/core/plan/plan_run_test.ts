import assert from "node:assert/strict";
import type { ResolvedConfig } from "../../../core/config/config.ts";
import { DTYPE_NAMES } from "../../../core/dtype.ts";
import { runGenerate, runOptimize, runSft } from "../../../core/loop/single_stages.ts";
import { train } from "../../../core/loop/train_run.ts";
import { parameterShapes } from "../../../core/model/families/families.ts";
import { parseModelConfig } from "../../../core/model/families/model_config.ts";
import { elementsOf } from "../../../core/model/families/model_tensors.ts";
import { planRun } from "../../../core/plan/plan_run.ts";
import type { RunPlan, StagePlan } from "../../../core/plan/plan_types.ts";
import { device, limited } from "../../_shared/device.ts";
import { jsonLines, TINY_CONFIG, tinyPairs, tinyRows, writeTinyModel } from "../../_shared/tiny_model.ts";
import { readJsonLines } from "../../_shared/trajectory.ts";
import { configOf, withInput } from "../loop/_runs.ts";

function stageOf(plan: RunPlan, name: string): StagePlan {
  const stage = plan.stages.find(({ stage }) => stage === name);
  assert(stage, `${name} is not planned`);
  return stage;
}

const PARAMETERS = parameterShapes(parseModelConfig({ ...TINY_CONFIG }, "config.json"))
  .reduce((sum, shape) => sum + elementsOf(shape), 0);

/** Bytes that the device layer held at most in a stage of a run. */
async function heldBytes({ output_dir }: ResolvedConfig, stage: string): Promise<number> {
  const lines = await readJsonLines<Record<string, unknown>>(`${output_dir}/timings.jsonl`);
  return Math.max(...lines.filter((line) => line.stage === stage).map((line) => Number(line.device_bytes)));
}

Deno.test.each([
  { noise: "none", training: { max_steps: 1 } },
  { noise: { update: "alternating" }, training: { optim: "rmsprop", per_device_train_batch_size: 3, max_steps: 1 } },
  { noise: "none", training: { max_steps: 1, gradient_checkpointing: true } },
  {
    noise: { update: "joint" },
    training: { optim: "rmsprop", max_steps: 1, gradient_checkpointing: 2 },
    lora: { r: 4 },
  },
  { noise: { update: "joint", rank: 3 }, training: { max_steps: 1 } },
  { noise: { update: "joint" }, training: { max_steps: 1 }, lora: { r: 2 }, quantization: "nf4" },
  { noise: "none", training: { max_steps: 1 }, lora: { r: 2 }, quantization: "int8" },
])("the planned bytes of optimize are those that the device holds: %j", (keys) =>
  withInput(async (dir) => {
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(20)));
    const config = await configOf(dir, { pairs: `${dir}/pairs.jsonl`, ...keys });
    delete config.data.train;
    const plan = await planRun(config, { device, time: false });
    assert.equal(plan.iterations, 1);
    assert.deepEqual(plan.stages.map(({ stage }) => stage), ["optimize"]);
    await runOptimize(config);
    assert.equal(plan.bytes, await heldBytes(config, "optimize"));
    const { parts, bytes } = stageOf(plan, "optimize");
    assert.equal(Object.values(parts).reduce((a, b) => a + b, 0), bytes);
    // Without noise its log-probabilities are all that is kept.
    const hasReference = keys.noise !== "none" && !("lora" in keys);
    assert.equal(parts.reference, hasReference ? PARAMETERS * 4 : undefined);
    assert.equal(parts.gradients! * ("optim" in keys.training ? 1 : 2), parts.moments);
    assert.equal(Boolean(parts["noise generator"]), keys.noise !== "none");
    // Hidden size 16, vocabulary 37.
    const generator = keys.noise === "none" ? 0 : keys.noise.rank ? 3 * (16 + 37) + 37 : 17 * 37;
    assert.equal(plan.noiseParameters, generator);
  }));

Deno.test.each([
  { noise: "none", lora: { r: 4 } },
  { lora: { r: 4, lora_dropout: 0.1, target_modules: ["q_proj", "down_proj"] } },
])(
  "the planned bytes of optimize with adapters are those that the device holds: %j",
  (keys) =>
    withInput(async (dir) => {
      await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(20)));
      const config = await configOf(dir, { pairs: `${dir}/pairs.jsonl`, ...keys, training: { max_steps: 1 } });
      delete config.data.train;
      const plan = await planRun(config, { device, time: false });
      await runOptimize(config);
      assert.equal(plan.bytes, await heldBytes(config, "optimize"));
      const { parts } = stageOf(plan, "optimize");
      // One base, for policy and reference; what is trained is the adapter.
      assert.equal(parts.reference, undefined);
      assert.ok(parts.weights! > parts.adapter!);
      assert.ok(parts.adapter! > 0);
    }),
);

Deno.test("the planned bytes of a whole run hold for the longest responses, and never less than the device holds", () =>
  withInput(async (dir) => {
    const config = await configOf(dir, {
      labels: { judge: "logprob", model: `${dir}/judge` },
      data: { train: `${dir}/rows.jsonl`, eval: `${dir}/rows.jsonl` },
    });
    const plan = await planRun(config, { device, time: false });
    await train(config);
    assert.deepEqual(plan.stages.map(({ stage, times }) => [stage, times]), [
      ["generate", 1],
      ["label", 1],
      ["optimize", 1],
      ["evaluate", 2],
    ]);
    assert.equal(stageOf(plan, "generate").bytes, await heldBytes(config, "generate"));
    assert.equal(stageOf(plan, "evaluate").bytes, await heldBytes(config, "evaluate"));
    for (const name of ["label", "optimize"]) {
      const [planned, held] = [stageOf(plan, name).bytes!, await heldBytes(config, name)];
      assert(held <= planned && held > 0.6 * planned, `${name}: planned ${planned}, held ${held}`);
    }
  }));

Deno.test.each(DTYPE_NAMES)(
  "the planned bytes of generate are those that the device holds: kv_cache_dtype %s",
  (dtype) =>
    withInput(async (dir) => {
      const generation = { max_new_tokens: 6, batch_size: 4, kv_cache_dtype: dtype };
      const config = await configOf(dir, { generation });
      const plan = await planRun(config, { device, time: false });
      const { bytes, parts } = stageOf(plan, "generate");
      await runGenerate(config);
      assert.equal(bytes, await heldBytes(config, "generate"));
      const longest = Math.max(...tinyRows(10).map(({ prompt_ids }) => prompt_ids!.length)) + 6;
      // k and v of 2 layers with 2 heads of 4, and a word that tells of numbers which are too large.
      const numbers = 4 * longest * 2 * 2 * 2 * 4;
      assert.equal(parts["KV cache"], dtype === "float32" ? 4 * numbers : 2 * numbers + 4);
    }),
);

Deno.test("as many rows are generated at a time as a binding holds the keys of: twice as many in 16 bits", () =>
  withInput(async (dir) => {
    const longest = Math.max(...tinyRows(10).map(({ prompt_ids }) => prompt_ids!.length)) + 40;
    // Four rows of float32 keys of two heads of 4.
    const { device: small } = limited({ maxStorageBufferBindingSize: 4 * longest * 2 * 4 * 4 });
    for (const kv_cache_dtype of DTYPE_NAMES) {
      const config = await configOf(dir, { generation: { max_new_tokens: 40, batch_size: 10, kv_cache_dtype } });
      const { parts } = stageOf(await planRun(config, { device: small, time: false }), "generate");
      const overflow = kv_cache_dtype === "float32" ? 0 : 4;
      assert.equal(parts["KV cache"], 4 * small.limits.maxStorageBufferBindingSize + overflow);
    }
  }));

Deno.test("what is not counted is told: servers that answer, and judges that are not rehearsed", () =>
  withInput(async (dir) => {
    const own = ", with a model of its own on the device";
    const llm = { judge: "llm", server_model: "m" };
    const reward = { judge: "reward-model", model: `${dir}/judge` };
    for (
      const [labels, expected] of [
        [{ judge: "human" }, []],
        [reward, [`label: judge reward-model${own}`]],
        [[llm, { judge: "self" }], [
          "label: judge llm, on a server",
          "label: judge self, with the policy on the device",
        ]],
        [{ judge: "ensemble", judges: [llm, { judge: "logprob", model: `${dir}/judge` }] }, [
          "label: judge llm of the ensemble, on a server",
          `label: judge logprob of the ensemble${own}`,
        ]],
      ] as const
    ) {
      const generation = { max_new_tokens: 6, server: "http://127.0.0.1:9/v1" };
      const plan = await planRun(await configOf(dir, { labels, generation, iterations: 2 }), { device, time: false });
      assert.deepEqual(plan.uncounted, ["generate: generation.server answers", ...expected]);
      assert.deepEqual(plan.stages.map(({ stage }) => stage), ["optimize"]);
    }
  }));

Deno.test("a plan says that patience may leave iterations out", () =>
  withInput(async (dir) => {
    const config = await configOf(dir, {
      iterations: 2,
      data: { train: `${dir}/rows.jsonl`, eval: `${dir}/rows.jsonl` },
      training: { early_stopping_patience: 1 },
    });
    const { uncounted } = await planRun(config, { device, time: false });
    assert.deepEqual(uncounted, ["iterations that training.early_stopping_patience may leave out"]);
  }));

Deno.test("sft is planned without reference and noise", () =>
  withInput(async (dir) => {
    const config = await configOf(dir, { method: "sft", training: { max_steps: 1 } });
    const plan = await planRun(config, { device, time: false });
    await train(config);
    assert.equal(plan.bytes, await heldBytes(config, "optimize"));
    assert.equal(plan.noiseParameters, 0);
    assert.equal(stageOf(plan, "optimize").parts.reference, undefined);
  }));

Deno.test("an evaluation with a verifier is one of its stage, though it scores and answers twice", () =>
  withInput(async (dir) => {
    await Deno.writeTextFile(`${dir}/never_loaded.ts`, "throw new Error();");
    const config = await configOf(dir, {
      iterations: 2,
      data: { train: `${dir}/rows.jsonl`, eval: `${dir}/rows.jsonl` },
      labels: { judge: "verifier", verifier: `${dir}/never_loaded.ts` },
    });
    const plan = await planRun(config, { device, time: false });
    assert.deepEqual(
      plan.stages.map(({ stage, times }) => [stage, times]),
      [["generate", 2], ["optimize", 2], ["evaluate", 3]],
    );
    await assert.rejects(Deno.stat(`${dir}/run`), Deno.errors.NotFound, "a plan writes nothing");
  }));

Deno.test("a loss on single answers is planned on the pairs' chosen answers", () =>
  withInput(async (dir) => {
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(20)));
    const training = { loss_type: "sft", num_train_epochs: 1, max_steps: -1, per_device_train_batch_size: 4 };
    const config = await configOf(dir, { pairs: `${dir}/pairs.jsonl`, noise: "none", training });
    delete config.data.train;
    const plan = await planRun(config, { device, time: false });
    const { last } = await runOptimize(config);
    assert.equal(plan.steps, 5);
    assert.equal(plan.bytes, await heldBytes(config, "optimize"));
    // The same rows as single answers give the same steps.
    const rows = tinyPairs(20).map(({ prompt_ids, chosen_ids }) => ({ prompt_ids, response_ids: chosen_ids }));
    await Deno.writeTextFile(`${dir}/chosen.jsonl`, jsonLines(rows));
    const sft = await configOf(dir, {
      data: { train: `${dir}/chosen.jsonl` },
      training,
      output_dir: `${dir}/sft`,
      noise: "none",
    });
    assert.equal((await runSft(sft)).last.loss, last.loss);
  }));

Deno.test("the plan's steps are the most that there can be where labeling makes the pairs", () =>
  withInput(async (dir) => {
    // The model answers nothing but the end, as one human of three does: that pair is dropped.
    await writeTinyModel(`${dir}/model`, {
      change: (name, values) => {
        if (name.includes("norm") || name.includes("embed_tokens")) values.fill(1);
        if (name.includes("o_proj") || name.includes("down_proj") || name.includes("lm_head")) values.fill(0);
        if (name.includes("lm_head")) values.fill(1, 2 * 16, 3 * 16);
      },
    });
    const rows = [[2], [3, 2], [4, 2]].map((response_ids) => ({ prompt_ids: [1, 5], response_ids }));
    await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(rows));
    const planned = async (training: Record<string, unknown>, method = "spin") => {
      const config = await configOf(dir, {
        method,
        noise: "none",
        iterations: 1,
        training: { per_device_train_batch_size: 1, num_train_epochs: 1, ...training },
      });
      const { steps, stepsAreAtMost } = await planRun(config, { device, time: false });
      return { config, found: [steps, stepsAreAtMost] };
    };
    const { config, found } = await planned({ max_steps: -1 });
    assert.deepEqual(found, [3, true]);
    assert.equal((await train(config)).iterations.at(-1)!.steps, 2);
    assert.deepEqual((await planned({ max_steps: 5 })).found, [5, false]);
    assert.deepEqual((await planned({ max_steps: -1 }, "sft")).found, [3, false]);
  }));

Deno.test("the plan of a fraction of an epoch counts the steps, and the rows that they see", () =>
  withInput(async (dir) => {
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(20)));
    const planOf = async (epochs: number) => {
      const training = { num_train_epochs: epochs, max_steps: -1, per_device_train_batch_size: 4 };
      const config = await configOf(dir, { pairs: `${dir}/pairs.jsonl`, noise: "none", training });
      delete config.data.train;
      return { config, plan: await planRun(config, { device, time: false }) };
    };
    const [whole, half] = [await planOf(1), await planOf(0.5)];
    // Five steps an epoch; half of them are 2.5.
    assert.deepEqual([whole.plan.steps, half.plan.steps], [5, 3]);
    const tokens = ({ plan }: typeof whole): number => stageOf(plan, "optimize").tokens;
    assert.equal(tokens(half), Math.round(tokens(whole) * 3 / 5));
    await runOptimize(half.config);
    const lines = await readJsonLines<Record<string, unknown>>(`${half.config.output_dir}/metrics.jsonl`);
    assert.equal(lines.filter(({ step }) => step !== undefined).at(-1)!.step, 3);
  }));

Deno.test("the time is measured, positive, and the sum of the stages'", () =>
  withInput(async (dir) => {
    const plan = await planRun(await configOf(dir), { device });
    assert(plan.speed && plan.seconds! > 0);
    for (const rate of Object.values(plan.speed)) assert(rate > 0 && Number.isFinite(rate));
    const sum = plan.stages.reduce((total, { seconds }) => total + seconds!, 0);
    assert(Math.abs(sum - plan.seconds!) < 1e-9);
  }));

/** What is advised for `dir` with this memory, as `--set` takes it; a run with it takes the bytes that it says. */
async function advised(
  dir: string,
  { memory, ...keys }: { memory: number } & Record<string, unknown>,
): Promise<string> {
  const { advice } = await planRun(await configOf(dir, keys), { device, time: false, memory });
  const { problem, change } = advice.find(({ stage }) => stage === "optimize")!;
  assert.match(problem, /^needs \d+ bytes of device memory, of which there are \d+$/);
  if (change === null) return "nothing";
  const set = Object.fromEntries(change.set.map((item) => item.replace("training.", "").split("=")));
  const training = {
    ...Object(keys.training),
    ...Object.fromEntries(
      Object.entries(set).map(([key, value]) => [key, JSON.parse(value as string)]),
    ),
  };
  const { bytes } = await planRun(await configOf(dir, { ...keys, training }), { device, time: false });
  assert.equal(bytes, change.bytes);
  assert(bytes <= memory);
  return change.set.join(" ");
}

Deno.test("where it does not fit, what changes the time least is named: recomputed layers, then smaller micro-batches", () =>
  withInput(async (dir) => {
    await writeTinyModel(`${dir}/model`, { config: { num_hidden_layers: 6 } });
    const bytesOf = async (training: Record<string, unknown>): Promise<number> => {
      const plan = await planRun(await configOf(dir, { method: "spin", training }), { device, time: false });
      assert.deepEqual(plan.advice, []);
      return plan.bytes!;
    };
    const [all, three, two, one] = [
      await bytesOf({}),
      await bytesOf({ gradient_checkpointing: 3 }),
      await bytesOf({ gradient_checkpointing: 2 }),
      await bytesOf({ gradient_checkpointing: true }),
    ];
    assert(all > three && three > two && two > one);
    const set = "training.gradient_checkpointing";
    const spin = { method: "spin" };
    // Segments of 5 and 4 layers compute fewer layers again, in more memory.
    assert.equal(await advised(dir, { ...spin, memory: three }), `${set}=3`);
    assert.equal(await advised(dir, { ...spin, memory: three - 1 }), `${set}=2`);
    assert.equal(await advised(dir, { ...spin, memory: one }), `${set}=true`);
    const batch = (size: number): string =>
      `training.per_device_train_batch_size=${size} training.gradient_accumulation_steps=${32 / size}`;
    const less = await advised(dir, { ...spin, memory: one - 1 });
    assert.match(less, new RegExp(`^(${set}=\\S+ )?training.per_device_train_batch_size=\\d+ `));
    // Ten rows are one micro-batch of 16 as of 32, so that 8 is the first to need less.
    assert(less.endsWith(batch(8)), less);
    const training = { gradient_checkpointing: true };
    assert.equal(await advised(dir, { ...spin, training, memory: one - 1 }), batch(8));
    assert.equal(await advised(dir, { ...spin, memory: 1000 }), "nothing");
  }));

Deno.test("where adapters are trained and it does not fit, layers computed again are named, then a quantized base, then smaller batches", () =>
  withInput(async (dir) => {
    const [recomputed, lora] = [{ gradient_checkpointing: true }, { r: 1 }];
    const keys = { method: "spin", lora, training: recomputed };
    const bytesOf = async (quantization: string): Promise<number> =>
      (await planRun(await configOf(dir, { ...keys, quantization }), { device, time: false })).bytes!;
    const adviceFor = async (memory: number) =>
      (await planRun(await configOf(dir, keys), { device, time: false, memory })).advice[0]!.change;
    const [none, int8, int4] = [await bytesOf("none"), await bytesOf("int8"), await bytesOf("int4")];
    assert.deepEqual(await adviceFor(none - 1), { set: ["quantization=int8"], bytes: int8 });
    assert.deepEqual(await adviceFor(int8 - 1), { set: ["quantization=int4"], bytes: int4 });
    assert.match((await adviceFor(int4 - 1))!.set.join(), /training.per_device_train_batch_size=/);
    const kept = await configOf(dir, { method: "spin", lora });
    const { advice: [first] } = await planRun(kept, { device, time: false, memory: none });
    assert.deepEqual(first!.change, { set: ["training.gradient_checkpointing=true"], bytes: none });
  }));

Deno.test("where generate does not fit, fewer rows at a time are named, and then keys and values in bfloat16", () =>
  withInput(async (dir) => {
    const generation = { max_new_tokens: 56, batch_size: 4 };
    const planOf = async (changed: Record<string, unknown>, memory?: number) =>
      await planRun(await configOf(dir, { generation: { ...generation, ...changed } }), {
        device,
        time: false,
        ...(memory !== undefined && { memory }),
      });
    const bytesOf = async (batch_size: number, kv_cache_dtype: string): Promise<number> =>
      stageOf(await planOf({ batch_size, kv_cache_dtype }), "generate").bytes!;
    const adviceFor = async (memory: number, changed: Record<string, unknown> = {}) =>
      (await planOf(changed, memory)).advice.find(({ stage }) => stage === "generate")!.change;
    const [two, one, half] = [await bytesOf(2, "float32"), await bytesOf(1, "float32"), await bytesOf(1, "bfloat16")];
    assert(two > one && one > half && half < await bytesOf(2, "bfloat16"));
    assert.deepEqual(await adviceFor(two), { set: ["generation.batch_size=2"], bytes: two });
    assert.deepEqual(await adviceFor(one), { set: ["generation.batch_size=1"], bytes: one });
    const both = ["generation.batch_size=1", "generation.kv_cache_dtype=bfloat16"];
    assert.deepEqual(await adviceFor(half), { set: both, bytes: half });
    assert.equal(await adviceFor(half - 1), null);
    // What is in 16 bits already stays as it is.
    const float16 = { kv_cache_dtype: "float16" };
    assert.deepEqual(await adviceFor(half, float16), { set: ["generation.batch_size=1"], bytes: half });
  }));

Deno.test("of a large file a sample is tokenized, and stands for all rows", () =>
  withInput(async (dir) => {
    await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(tinyRows(2500)));
    const { data, steps } = await planRun(await configOf(dir, { method: "sft", training: { max_steps: -1 } }), {
      device,
      time: false,
    });
    assert.deepEqual([data.rows, data.tokenized, data.kept], [2500, 2000, 2500]);
    assert.equal(steps, 3 * Math.ceil(2500 / 32));
  }));

Deno.test("the planned bytes of evaluating held-out pairs are those that the device holds", () =>
  withInput(async (dir) => {
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(20)));
    const data = { train: `${dir}/pairs.jsonl`, eval: `${dir}/pairs.jsonl` };
    const config = await configOf(dir, { method: "dpo", data, training: { max_steps: 1 } });
    const plan = await planRun(config, { device, time: false });
    await train(config);
    assert.equal(stageOf(plan, "evaluate").times, 2);
    assert.equal(stageOf(plan, "evaluate").bytes, await heldBytes(config, "evaluate"));
  }));

Deno.test.each([
  { noise: "none" },
  { noise: { update: "joint" }, lora: { r: 2 } },
])(
  "the planned bytes of a training that evaluates between steps are those that the device holds: %j",
  (keys) =>
    withInput(async (dir) => {
      await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(20)));
      const config = await configOf(dir, {
        pairs: `${dir}/pairs.jsonl`,
        data: { eval: `${dir}/pairs.jsonl` },
        ...keys,
        training: { max_steps: 1, eval_steps: 1, per_device_train_batch_size: 1 },
      });
      const plan = await planRun(config, { device, time: false });
      await runOptimize(config);
      assert.deepEqual(plan.stages.map(({ stage }) => stage), ["optimize"]);
      assert.equal(plan.bytes, await heldBytes(config, "optimize"));
    }),
);
