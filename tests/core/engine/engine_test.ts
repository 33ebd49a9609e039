import { deepEqual, equal, rejects } from "node:assert/strict";
import { templateTail } from "../../../core/data/encode_row.ts";
import { generateAnswers } from "../../../core/engine/generate_answers.ts";
import { type LanguageModel, modelBytes, openModel, saveModel } from "../../../core/engine/language_model.ts";
import { createTrainer, type ModelTrainer } from "../../../core/engine/model_trainer.ts";
import { scoreAnswerPairs, scoreAnswers } from "../../../core/engine/score_answers.ts";
import { UserError } from "../../../core/error.ts";
import { memoryFiles } from "../../../core/files/model_files.ts";
import { runGenerate, runOptimize } from "../../../core/loop/single_stages.ts";
import { device, limited } from "../../_shared/device.ts";
import { jsonLines, tinyPairs, tinyRows } from "../../_shared/tiny_model.ts";
import { type Logged, readJsonLines } from "../../_shared/trajectory.ts";
import { CHATML, writeTokenizer } from "../data/_fixtures.ts";
import { configOf, withChat, withInput } from "../loop/_runs.ts";

async function steps(trainer: ModelTrainer): Promise<Record<string, number>[]> {
  const all: Record<string, number>[] = [];
  while (trainer.done < trainer.steps) all.push(await trainer.step() as Record<string, number>);
  return all;
}

async function bytesOf(model: LanguageModel): Promise<Uint8Array<ArrayBuffer>> {
  return (await modelBytes(model, { dtype: "float32" }))["model.safetensors"]!;
}

Deno.test("createTrainer() takes the steps of a run's optimize stage: the same numbers, and the same weights", () =>
  withInput(async (dir) => {
    const pairs = tinyPairs(12);
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(pairs));
    const training = {
      per_device_train_batch_size: 3,
      gradient_accumulation_steps: 2,
      max_steps: 5,
      logging_steps: 1,
      warmup_ratio: 0.4,
    };
    const noise = { update: "alternating" as const, noise_steps: 2, model_steps: 1 };
    const config = await configOf(dir, {
      pairs: `${dir}/pairs.jsonl`,
      noise,
      training,
      dtype: "float32",
      iteration: 2,
    });
    await runOptimize(config);
    const logged = await readJsonLines<Logged>(`${dir}/run/metrics.jsonl`);

    using model = await openModel(device, `${dir}/model`);
    const { lr_scheduler_type, learning_rate } = config.training;
    const given = { ...training, lr_scheduler_type, learning_rate: learning_rate as number };
    using trainer = await createTrainer(model, pairs, { training: given, noise, iteration: 2 });
    equal(trainer.steps, 5);
    const taken = await steps(trainer);
    taken.forEach((step, i) => {
      for (const [name, value] of Object.entries(step)) equal(value, logged[i]![name], `${name} of step ${i + 1}`);
    });
    deepEqual(await bytesOf(model), await Deno.readFile(`${dir}/run/model/model.safetensors`));
    await rejects(trainer.step(), /^RangeError: Cannot take a step: all 5 are done$/);
  }));

Deno.test("createTrainer() trains on answers with loss_type sft, and its reference is the model as it was then", () =>
  withInput(async (dir) => {
    using model = await openModel(device, `${dir}/model`);
    const before = device.bytes;
    {
      using trainer = await createTrainer(model, tinyRows(6), {
        training: { loss_type: "sft", max_steps: 3, learning_rate: 1e-2 },
      });
      const [first, , last] = await steps(trainer);
      equal(last!.loss! < first!.loss!, true);
    }
    // What was learnt is the reference now: the loss begins at ln 2 again.
    using trainer = await createTrainer(model, tinyPairs(4), { training: { max_steps: 1 }, noise: "none" });
    equal(Math.abs((await trainer.step()).loss! - Math.LN2) < 1e-6, true);
    trainer[Symbol.dispose]();
    equal(device.bytes, before, "a trainer gives its memory back");
  }));

Deno.test("generateAnswers() gives what a run's generate stage samples, from a folder or from bytes", () =>
  withInput(async (dir) => {
    const config = await configOf(dir);
    const { temperature, max_new_tokens, seed } = config.generation;
    const run = await readJsonLines<{ generated_ids: number[] }>(await runGenerate(config));
    const files: Record<string, Uint8Array<ArrayBuffer>> = {};
    for await (const { name } of Deno.readDir(`${dir}/model`)) {
      files[name] = await Deno.readFile(`${dir}/model/${name}`);
    }
    for (const source of [`${dir}/model`, memoryFiles(files)]) {
      using model = await openModel(device, source);
      const answers: number[][] = [];
      const prompts = tinyRows(10).map(({ prompt_ids }) => prompt_ids!);
      for await (const { index, ids } of generateAnswers(model, prompts, { temperature, max_new_tokens, seed })) {
        answers[index] = ids;
      }
      deepEqual(answers, run.map(({ generated_ids }) => generated_ids));
      await rejects(
        Array.fromAsync(generateAnswers(model, prompts, { kv_cache_dtype: "int8" as "float16" })),
        /generation.kv_cache_dtype: expected "float32", "float16" or "bfloat16", got "int8"/,
      );
    }
  }));

Deno.test("generateAnswers() answers conversations through the chat template, and can be stopped", () =>
  withChat(async (dir) => {
    using model = await openModel(device, `${dir}/model`);
    const found = await Array.fromAsync(
      generateAnswers(model, [[{ role: "user", content: "ab" }]], { temperature: 0 }),
    );
    // The model ends its turn at once, and ChatML writes a line's end then.
    deepEqual(found.map(({ index, text, finished }) => [index, text, finished]), [[0, "", true]]);
    const [eos, ...tail] = found[0]!.ids;
    deepEqual(tail, templateTail(model.tokenizer!, eos!));
    equal(tail.length > 0, true);
    const stopped = generateAnswers(model, ["ab"], { signal: AbortSignal.abort(new Error("enough")) });
    await rejects(Array.fromAsync(stopped), /enough/);
  }));

Deno.test("scoreAnswers() and scoreAnswerPairs() agree, and what is saved scores the same", () =>
  withInput(async (dir) => {
    using model = await openModel(device, `${dir}/model`);
    const pairs = tinyPairs(5);
    const scored = await scoreAnswerPairs(model, pairs);
    const chosen = await scoreAnswers(
      model,
      pairs.map(({ prompt_ids, chosen_ids }) => ({ prompt_ids, response_ids: chosen_ids })),
    );
    scored.forEach((pair, i) => equal(Math.abs(pair.chosen - chosen[i]!) < 1e-4, true));
    await saveModel(model, `${dir}/saved`, { dtype: "float32" });
    using saved = await openModel(device, `${dir}/saved`);
    deepEqual(await scoreAnswerPairs(saved, pairs), scored);
  }));

Deno.test("a trainer takes one step at a time, and none once it is disposed of", () =>
  withInput(async (dir) => {
    using model = await openModel(device, `${dir}/model`);
    const trainer = await createTrainer(model, tinyPairs(4), { training: { max_steps: 3 } });
    const first = trainer.step();
    await rejects(trainer.step(), /^RangeError: Cannot take a step: another one is under way, expected one at a time$/);
    equal(typeof (await first).loss, "number");
    equal(typeof (await trainer.step()).loss, "number");
    trainer[Symbol.dispose]();
    await rejects(trainer.step(), /^RangeError: Cannot take a step: the trainer is disposed of$/);
  }));

Deno.test("the engine names the prompt, the row or the setting that is wrong", () =>
  withInput(async (dir) => {
    using model = await openModel(device, `${dir}/model`);
    const ask = (prompt: string | number[]) => Array.fromAsync(generateAnswers(model, [prompt]));
    await rejects(
      ask("text"),
      /^UserError: Cannot answer prompts\[0\]: it is text, and the model has no tokenizer.json, expected token ids$/,
    );
    await rejects(ask([]), /^UserError: Cannot answer prompts\[0\]: it has no tokens, expected at least one$/);
    await rejects(ask([3, 10_000]), /^UserError: Cannot answer prompts\[0\]: token id is 10000, expected 0 to \d+$/);
    const most = model.config.maxPositionEmbeddings;
    await rejects(
      ask(Array(most).fill(3)),
      new RegExp(`^UserError: Cannot answer prompts\\[0\\]: it has ${most} tokens, expected less than ${most}$`),
    );
    await rejects(
      scoreAnswers(model, [3, 4, 5].map((id) => ({ prompt_ids: [id], response_ids: id === 4 ? [] : [id] }))),
      /^UserError: Cannot (use|read) rows\[1\]: /,
    );
    const ids = { chosen_ids: [4], rejected_ids: [5] };
    await rejects(
      createTrainer(model, [{ prompt_ids: [3], ...ids }, { prompt_ids: [3, 3, 3], ...ids }], {
        training: { max_steps: 1 },
        max_length: 3,
      }),
      /^UserError: Cannot use rows\[1\]: its prompt alone reaches max_length 3, expected rows without it$/,
    );
    await rejects(
      scoreAnswers(model, [{ prompt_ids: [3], response_ids: [4] }, { prompt: "a" }]),
      /^UserError: Cannot read rows\[1\]: /,
    );
    await rejects(
      scoreAnswerPairs(model, tinyRows(1)),
      /^UserError: Cannot tokenize rows\[0\] \(row 0\): the row has one response, expected chosen and rejected$/,
    );
    await rejects(createTrainer(model, []), /^UserError: Cannot train: there are no rows, expected at least one$/);
    await rejects(
      createTrainer(model, tinyPairs(2), { training: { beta: -1 } }),
      /^UserError: config training.beta: expected a number > 0/,
    );
    const settings = { training: { loss_type: "sft" as const }, noise: { update: "joint" as const } };
    await rejects(createTrainer(model, tinyRows(2), settings), /^UserError: config noise: method sft is without noise/);
  }));

Deno.test("openModel() of a model whose tokenizer is broken gives its memory back", () =>
  withInput(async (dir) => {
    await writeTokenizer(`${dir}/model`, { config: { chat_template: CHATML } });
    await Deno.writeTextFile(`${dir}/model/tokenizer.json`, "{");
    const before = device.bytes;
    await rejects(openModel(device, `${dir}/model`), /^UserError: Cannot (read|load) .*tokenizer.json/);
    equal(device.bytes, before);
  }));

Deno.test("what could not be made leaves nothing on the device: a model, and a trainer", () =>
  withInput(async (dir) => {
    const small = limited({ maxStorageBufferBindingSize: 8192 }).device;
    using model = await openModel(small, `${dir}/model`);
    const before = small.bytes;
    // Enough tokens that the MLP's activations exceed a binding.
    await rejects(
      Array.fromAsync(generateAnswers(model, [[3]], { max_new_tokens: 5000, max_length: 10_000 })),
      /^DeviceError: Cannot use a buffer/,
    );
    equal(small.bytes, before, "a decoding");
    const long = { prompt_ids: Array(60).fill(3), chosen_ids: [4, 5], rejected_ids: [6, 7] };
    for (const noise of ["none", { update: "joint" }] as const) {
      await rejects(createTrainer(model, [long], { noise }), /^DeviceError: Cannot use a buffer/);
      equal(small.bytes, before);
    }
    await Deno.truncate(`${dir}/judge/model.safetensors`, 6000);
    await rejects(openModel(small, `${dir}/judge`), UserError);
    equal(small.bytes, before);
  }));
