/** A GGUF file stands wherever a model does, and is the model of the numbers that it stores. @module */
import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { openModelFolder, saveModelFolder } from "../../../core/checkpoint/model_folder.ts";
import { compareModels } from "../../../core/evaluate/compare_models.ts";
import { scorePairs } from "../../../core/evaluate/score_pairs.ts";
import { exportModel } from "../../../core/export/export_model.ts";
import { mergeAdapterFolder } from "../../../core/export/merge_adapter.ts";
import { openChat } from "../../../core/generate/open_chat.ts";
import { runGenerate, runLabel, runSft } from "../../../core/loop/single_stages.ts";
import { train } from "../../../core/loop/train_run.ts";
import { parameterShapes } from "../../../core/model/families/families.ts";
import { planRun } from "../../../core/plan/plan_run.ts";
import { device } from "../../_shared/device.ts";
import { jsonLines, tinyPairs, writeTinyModel } from "../../_shared/tiny_model.ts";
import { readJsonLines } from "../../_shared/trajectory.ts";
import { CHATML, writeTokenizer } from "../data/_fixtures.ts";
import { CHAT_VOCAB, configOf, withInput } from "./_runs.ts";

const SIZES = { hidden_size: 96, num_attention_heads: 4, num_key_value_heads: 1, head_dim: 24 };

/** DIR/packed.gguf, and DIR/full with its numbers in float32. */
async function writeBoth(dir: string, quantize?: "q8_0" | "q4_0"): Promise<void> {
  // 161 rows of three groups: the scales of those that follow begin within a word. As columns they stay float32.
  const intermediate_size = quantize === "q4_0" ? 161 : 160;
  await writeTinyModel(`${dir}/source`, { config: { ...SIZES, intermediate_size, vocab_size: CHAT_VOCAB } });
  await writeTokenizer(`${dir}/source`, { config: { chat_template: CHATML } });
  await exportModel({ from: `${dir}/source`, output: `${dir}/packed.gguf`, ...quantize && { quantize } });
  const source = await openModelFolder(`${dir}/packed.gguf`);
  await saveModelFolder(`${dir}/full`, { source, dtype: "F32", tensors: (name) => source.readTensor(name) });
  await exportModel({ from: `${dir}/packed.gguf`, output: `${dir}/other.gguf` });
  await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(6)));
}

const BOTH = ["packed.gguf", "full"] as const;

async function numbersOf(run: string): Promise<unknown[]> {
  return (await readJsonLines<Record<string, unknown>>(`${run}/metrics.jsonl`)).map((line) =>
    Object.fromEntries(Object.entries(line).filter(([name]) => !/time|second/.test(name)))
  );
}

for (const quantize of [undefined, "q8_0", "q4_0"] as const) {
  Deno.test(`a run on a GGUF file${quantize ? ` of ${quantize}` : ""} gives the bits of one on its numbers`, () =>
    withInput(async (dir) => {
      await writeBoth(dir, quantize);
      for (const name of BOTH) {
        const keys = {
          iterations: quantize === "q8_0" ? 2 : 1,
          output_dir: `${dir}/run-${name}`,
          training: { learning_rate: 0.05 },
          labels: { judge: "logprob", model: `${dir}/other.gguf` },
          ...quantize && { lora: { r: 2, lora_alpha: 8, save: "both" } },
        };
        await train(await configOf(dir, { model: `${dir}/${name}`, ...keys }), {});
      }
      const [packed, full] = BOTH.map((name) => `${dir}/run-${name}`);
      deepEqual(await numbersOf(packed!), await numbersOf(full!));
      for (const file of ["model/model.safetensors", "iteration-0/responses.jsonl"]) {
        deepEqual(await Deno.readFile(`${packed}/${file}`), await Deno.readFile(`${full}/${file}`), file);
      }
      const made = await openModelFolder(`${packed}/model`);
      deepEqual([made.comesQuantized, made.dtype], [null, "F32"]);
    }));
}

Deno.test("a run goes on with the GGUF file that it began with, and with no other", () =>
  withInput(async (dir) => {
    await writeBoth(dir);
    const run = async (name: string, iterations: number): Promise<void> =>
      void await train(await configOf(dir, { model: `${dir}/${name}`, iterations }), {});
    await run("packed.gguf", 1);
    const before = await Deno.readFile(`${dir}/run/metrics.jsonl`);
    await run("packed.gguf", 1);
    deepEqual(await Deno.readFile(`${dir}/run/metrics.jsonl`), before);
    const file = await Deno.readFile(`${dir}/packed.gguf`);
    file[file.length - 33]! ^= 1;
    await Deno.writeFile(`${dir}/packed.gguf`, file);
    await rejects(run("packed.gguf", 2), {
      name: "UserError",
      message: /^Cannot go on with .* is not the model that it began with: model\.gguf has SHA-256 /,
    });
  }));

Deno.test("a GGUF file of codes is trained by adapters alone, and is not quantized again", () =>
  withInput(async (dir) => {
    await writeBoth(dir, "q4_0");
    const model = `${dir}/packed.gguf`;
    const whole = await configOf(dir, { model, iterations: 1 });
    const again = await configOf(dir, {
      model,
      iterations: 1,
      lora: { r: 2 },
      quantization: "int8",
      output_dir: `${dir}/b`,
    });
    const training =
      /^Cannot train all weights of \S+packed\.gguf: it holds tensors of Q4_0 and Q8_0, and quantized weights are not trained; set lora \(lora: \{\} will do\), or name a model$/;
    const quantizing =
      /^Cannot quantize "model\.layers\.0\S+" to int8: its file has it as codes already, expected quantization: none$/;
    for (const [config, message] of [[whole, training], [again, quantizing]] as const) {
      await rejects(train(config, {}), { name: "UserError", message });
      await rejects(planRun(config, { device, time: false }), { name: "UserError", message });
    }
    await rejects(Deno.stat(`${dir}/run/iteration-0`), Deno.errors.NotFound);
    const bytesOf = async (model: string): Promise<number> => {
      const config = await configOf(dir, { model, lora: { r: 2 }, output_dir: `${dir}/planned` });
      return (await planRun(config, { device, time: false })).bytes!;
    };
    equal(await bytesOf(model) < await bytesOf(`${dir}/full`), true);
  }));

Deno.test("every stage takes a GGUF file, and what it gives is what the folder of its numbers gives", () =>
  withInput(async (dir) => {
    await writeBoth(dir, "q8_0");
    const pairs = `${dir}/pairs.jsonl`;
    const results = await Array.fromAsync(BOTH, async (name) => {
      const model = `${dir}/${name}`;
      const config = await configOf(dir, {
        model,
        output_dir: `${dir}/stages-${name}`,
        generation: { max_new_tokens: 8, temperature: 0 },
        labels: {
          judge: "ensemble",
          judges: [{ judge: "logprob", model }, { judge: "logprob", model: `${dir}/other.gguf` }],
        },
      });
      await runGenerate(config);
      await runLabel(config);
      await runSft(await configOf(dir, { model, lora: { r: 2, save: "both" }, output_dir: `${dir}/sft-${name}` }));
      const labels = await Deno.readTextFile(`${dir}/stages-${name}/iteration-0/pairs.jsonl`);
      const adapter = await Deno.readFile(`${dir}/sft-${name}/adapter/adapter_model.safetensors`);
      return [labels, adapter, await scorePairs({ model, pairs })];
    });
    deepEqual(results[0], results[1]);
    const { result } = await compareModels(
      await configOf(dir, { labels: { judge: "logprob", model: `${dir}/full` } }),
      {
        a: `${dir}/packed.gguf`,
        b: `${dir}/full`,
        prompts: `${dir}/rows.jsonl`,
      },
    );
    equal(result.rate, 0.5);
    using chat = await openChat({ model: `${dir}/packed.gguf`, settings: { max_new_tokens: 4 } });
    equal(chat.model.path, `${dir}/packed.gguf`);
  }));

Deno.test("an adapter may name a GGUF file as its base: it is loaded, merged, exported and trained further", () =>
  withInput(async (dir) => {
    await writeBoth(dir, "q4_0");
    const keys = { lora: { r: 2, save: "both" }, training: { learning_rate: 0.05 } };
    for (const name of BOTH) {
      await runSft(await configOf(dir, { model: `${dir}/${name}`, ...keys, output_dir: `${dir}/sft-${name}` }));
    }
    const adapters = BOTH.map((name) => `${dir}/sft-${name}/adapter`);
    const { base_model_name_or_path } = JSON.parse(await Deno.readTextFile(`${adapters[0]}/adapter_config.json`));
    equal(base_model_name_or_path, `${dir}/packed.gguf`);
    const [scores, expected] = await Promise.all(
      adapters.map((model) => scorePairs({ model, pairs: `${dir}/pairs.jsonl` })),
    );
    deepEqual(scores, expected);
    for (const [i, adapter] of adapters.entries()) {
      await mergeAdapterFolder({ adapter, output: `${dir}/merged-${i}` });
      await exportModel({ from: adapter, output: `${dir}/merged-${i}.gguf` });
    }
    const onto = { adapter: adapters[1]!, base: `${dir}/packed.gguf`, output: `${dir}/merged-2` };
    equal((await mergeAdapterFolder(onto)).dtype, "float32");
    const bytes = await Promise.all([0, 1, 2].map((i) => Deno.readFile(`${dir}/merged-${i}/model.safetensors`)));
    deepEqual(bytes[1], bytes[0]);
    deepEqual(bytes[2], bytes[0]);
    const [one, two] = await Promise.all([0, 1].map((i) => openModelFolder(`${dir}/merged-${i}.gguf`)));
    for (const { name } of parameterShapes(one!.config)) {
      deepEqual(await one!.readTensor(name), await two!.readTensor(name), name);
    }
    await runSft(await configOf(dir, { model: adapters[0], ...keys, output_dir: `${dir}/further` }));
    await Deno.rename(`${dir}/packed.gguf`, `${dir}/gone.gguf`);
    const gone =
      /^Cannot open the model \S+\/packed\.gguf: there is no such file, expected a GGUF file or a model's folder$/;
    await rejects(scorePairs({ model: adapters[0]!, pairs: `${dir}/pairs.jsonl` }), {
      name: "UserError",
      message: gone,
    });
  }));

Deno.test("a GGUF file that is not there, or is no judge or adapter, is an error in one line", () =>
  withInput(async (dir) => {
    await writeBoth(dir, "q8_0");
    const model = `${dir}/packed.gguf`;
    const cases: [Record<string, unknown>, RegExp][] = [
      [
        { model: `${dir}/none.gguf` },
        /^Cannot open the model \S+none\.gguf: there is no such file, expected a GGUF file/,
      ],
      [
        { model, lora: { init_lora_weights: model } },
        /^Cannot take the first values from \S+gguf: it is no folder with/,
      ],
      [
        { model: `${dir}/model`, labels: { judge: "reward-model", model } },
        /"architectures" is \["LlamaForCausalLM"\], expected .* as a reward model is wanted here/,
      ],
    ];
    for (const [i, [keys, message]] of cases.entries()) {
      const config = await configOf(dir, { iterations: 1, ...keys, output_dir: `${dir}/refused-${i}` });
      await rejects(train(config, {}), (error: Error) => {
        match(error.message, message);
        deepEqual([error.name, /\n/.test(error.message)], ["UserError", false]);
        return true;
      });
    }
  }));
