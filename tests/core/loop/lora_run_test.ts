/** Runs that train adapters: what they hand out, from where they go on, and what they refuse. @module */
import { deepEqual, equal, match, notDeepEqual, ok, rejects } from "node:assert/strict";
import { openAdapterFolder } from "../../../core/checkpoint/adapter_folder.ts";
import { openModelFolder } from "../../../core/checkpoint/model_folder.ts";
import { LOSS_TYPES } from "../../../core/config/choices.ts";
import type { ResolvedConfig } from "../../../core/config/config.ts";
import { UserError } from "../../../core/error.ts";
import { exists } from "../../../core/files/io.ts";
import { runOptimize, runSft } from "../../../core/loop/single_stages.ts";
import { train } from "../../../core/loop/train_run.ts";
import { planRun } from "../../../core/plan/plan_run.ts";
import { filesToPush } from "../../../core/report/push_run.ts";
import { listRuns } from "../../../core/run/list_runs.ts";
import { readRun } from "../../../core/run/read_run.ts";
import { device } from "../../_shared/device.ts";
import { jsonLines, tinyPairs, writeTinyModel } from "../../_shared/tiny_model.ts";
import { dieAndGoOn } from "./_faults.ts";
import { configOf, linesOf, withInput } from "./_runs.ts";

const TRAINING = { max_steps: 3, learning_rate: 2e-2, save_steps: 1 };

/** The rows of a matrix of an adapter, by the tensor's name without PEFT's prefix. */
async function tensorsOf(dir: string): Promise<Map<string, Float32Array>> {
  const { stored, weights } = await openAdapterFolder(dir);
  const tensors = new Map<string, Float32Array>();
  for (const [name, inFile] of stored) tensors.set(name, await weights.readFloat32(inFile));
  return tensors;
}

async function refuses(work: Promise<unknown>, expected: RegExp): Promise<void> {
  await rejects(work, (error: Error) => {
    equal(error instanceof UserError, true, error.stack);
    equal(error.message.includes("\n"), false);
    match(error.message, expected);
    return true;
  });
}

Deno.test("train() with lora keeps every iteration's adapter and hands out what save says", () =>
  withInput(async (dir) => {
    const lora = { r: 4, lora_alpha: 8 };
    const of = (save: string): Promise<ResolvedConfig> =>
      configOf(dir, { iterations: 2, training: TRAINING, lora: { ...lora, save }, output_dir: `${dir}/${save}` });
    for (const save of ["merged", "adapter", "both"]) {
      const { model } = await train(await of(save));
      equal(model, save === "adapter" ? `${dir}/adapter/adapter` : `${dir}/${save}/model`);
      const names = (await Array.fromAsync(Deno.readDir(`${dir}/${save}`))).map(({ name }) => name);
      equal(names.includes("model"), save !== "adapter");
      equal(names.includes("adapter"), save !== "merged");
      deepEqual((await listRuns(`${dir}/${save}`)).map(({ state, done }) => [state, done]), [["done", 2]]);
    }
    // The three are one run: the same adapters, and what is handed out is the last of them.
    const last = await Deno.readFile(`${dir}/merged/iteration-1/adapter/adapter_model.safetensors`);
    for (const path of ["adapter/iteration-1/adapter", "adapter/adapter", "both/adapter"]) {
      deepEqual(await Deno.readFile(`${dir}/${path}/adapter_model.safetensors`), last, path);
    }
    deepEqual(
      await Deno.readFile(`${dir}/both/model/model.safetensors`),
      await Deno.readFile(`${dir}/merged/model/model.safetensors`),
    );
    const config = JSON.parse(await Deno.readTextFile(`${dir}/both/adapter/adapter_config.json`));
    deepEqual([config.base_model_name_or_path, config.r, config.lora_alpha], [`${dir}/model`, 4, 8]);

    // W + (α/r)·B·A, and what has no adapter is as it was.
    const [base, merged] = [await openModelFolder(`${dir}/model`), await openModelFolder(`${dir}/merged/model`)];
    const adapter = await tensorsOf(`${dir}/both/adapter`);
    deepEqual(await merged.readTensor("lm_head.weight"), await base.readTensor("lm_head.weight"));
    const name = "model.layers.1.mlp.down_proj";
    const [w, is] = [await base.readTensor(`${name}.weight`), await merged.readTensor(`${name}.weight`)];
    const [a, b] = [adapter.get(`${name}.lora_A.weight`)!, adapter.get(`${name}.lora_B.weight`)!];
    const [outputs, inputs] = [16, 24];
    for (let i = 0; i < outputs * inputs; i++) {
      const [row, column] = [Math.floor(i / inputs), i % inputs];
      let sum = 0;
      for (let k = 0; k < 4; k++) sum += b[row * 4 + k]! * a[k * inputs + column]!;
      ok(Math.abs(is[i]! - (w[i]! + 2 * sum)) < 1e-6, `${i}: ${is[i]}, expected ${w[i]! + 2 * sum}`);
    }
    ok(b.some((x) => Math.abs(x) > 1e-3), "the adapter has learned nothing");

    const push = { repo: "me/mine" };
    const told: string[] = [];
    const { files, card } = await filesToPush(`${dir}/adapter`, { ...push, onNote: (line) => told.push(line) });
    match(
      told.join("\n"),
      /The adapter's base model is the local folder \S+\/model: whoever loads the adapter needs it too/,
    );
    match(card, /The base model `model` is not on the hub: you need a copy of it\./);
    match(
      card,
      /^---\nlibrary_name: peft\n[^]*This LoRA adapter for the local model `model` was made with the program dnpo by 2 iterations of/,
    );
    match(
      card,
      /base = AutoModelForCausalLM\.from_pretrained\("path\/to\/model"\)\nmodel = PeftModel\.from_pretrained\(base, "me\/mine"\)/,
    );
    const sent = files.find(({ path }) => path === "adapter_config.json")!;
    equal(JSON.parse((sent.content as { text: string }).text).base_model_name_or_path, "model");
    match((await filesToPush(`${dir}/both`, push)).card, /^---\nlibrary_name: transformers\n/);
    match((await filesToPush(`${dir}/both`, { ...push, asAdapter: true })).card, /^---\nlibrary_name: peft\n/);
    equal((await readRun(`${dir}/adapter`)).model, `${dir}/adapter/adapter`);
  }));

Deno.test("a run may go on with another save, and with no other adapter or storage of the base", () =>
  withInput(async (dir) => {
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(6)));
    const of = (keys: Record<string, unknown>, output_dir: string): Promise<ResolvedConfig> =>
      configOf(dir, { pairs: `${dir}/pairs.jsonl`, noise: "none", training: TRAINING, output_dir, ...keys });
    for (const [name, run] of [["stage", runOptimize], ["train", train]] as const) {
      const output_dir = `${dir}/${name}`;
      await run(await of({ lora: { r: 4 } }, output_dir));
      const merged = await Deno.readFile(`${output_dir}/model/model.safetensors`);
      for (
        const [keys, expected] of [
          [{ lora: { r: 2 } }, /lora\.r is 2, expected 4 as in/],
          [{ lora: { r: 4, lora_dropout: 0.1 } }, /lora\.lora_dropout is 0\.1, expected 0 as in/],
          [{ lora: { r: 4 }, quantization: "int8" }, /quantization is "int8", expected ("none"|not set) as in/],
          [{}, /lora is not set, expected \{.*\} as in/],
        ] as const
      ) await refuses(run(await of(keys, output_dir)), expected);
      await run(await of({ lora: { r: 4, save: "both" } }, output_dir));
      deepEqual(await Deno.readFile(`${output_dir}/model/model.safetensors`), merged, name);
      ok((await tensorsOf(`${output_dir}/adapter`)).size > 0);
    }
  }));

Deno.test("an iteration goes on with the adapter, with a frozen copy of it as the reference", () =>
  withInput(async (dir) => {
    const keys = { iterations: 2, training: TRAINING, lora: { r: 4 }, noise: "none", method: "spin" };
    await train(await configOf(dir, keys));
    const [first, second] = [await linesOf(`${dir}/run`, 0), await linesOf(`${dir}/run`, 1)];
    // Policy and reference are the same at an iteration's start, so the margins are zero to the last bit.
    for (const { steps } of [first, second]) {
      equal(steps[0]!["rewards/margins"], 0);
      ok(Math.abs(steps[0]!.loss! - Math.LN2) < 1e-6);
      ok(steps.at(-1)!.loss! < Math.LN2 - 1e-3, `${steps.at(-1)!.loss}`);
    }
    const [before, after] = await Promise.all([0, 1].map((k) => tensorsOf(`${dir}/run/iteration-${k}/adapter`)));
    const name = "model.layers.0.self_attn.q_proj.lora_A.weight";
    notDeepEqual(after!.get(name), before!.get(name));
    const distance = (x: Float32Array, y: Float32Array): number => Math.hypot(...x.map((v, i) => v - y[i]!));
    ok(distance(after!.get(name)!, before!.get(name)!) < 0.5 * Math.hypot(...before!.get(name)!), "it began anew");

    // `start_from: base` begins a fresh one each time; its first values are drawn under the iteration's own key.
    await train(await configOf(dir, { ...keys, start_from: "base", output_dir: `${dir}/fresh` }));
    const fresh = (await linesOf(`${dir}/fresh`, 1)).steps[0]!;
    equal(fresh["rewards/margins"], 0);
  }));

Deno.test("train() refuses adapters that do not fit the base before an answer is generated, and plans those of a folder", () =>
  withInput(async (dir) => {
    const of = (lora: Record<string, unknown>, output_dir: string): Promise<ResolvedConfig> =>
      configOf(dir, { training: TRAINING, lora, output_dir });
    await train(await of({ r: 2, save: "adapter" }, `${dir}/small`));
    await writeTinyModel(`${dir}/wide`, { config: { hidden_size: 32 } });
    const init = { init_lora_weights: `${dir}/small/adapter` };
    const shape = /^Cannot load "\S+" from \S+adapter_model\.safetensors: shape is \[2, 16\], expected \[2, 32\]/;
    const wide = { ...await of(init, `${dir}/late`), model: `${dir}/wide` };
    await refuses(planRun(wide, { device, time: false }), shape);
    for (
      const [config, expected] of [
        [
          await of({ r: 500 }, `${dir}/late`),
          /^Cannot adapt modules \(lora\): the rank of \S+ is 500, expected at most/,
        ],
        [await of({ target_modules: "q_prj" }, `${dir}/late`), /^Cannot adapt any module \(lora\): target_modules is/],
        [wide, shape],
      ] as const
    ) {
      await refuses(train(config), expected);
      equal(await exists(`${dir}/late/iteration-0`), false, "answers were generated before");
    }

    // The rank that counts is the folder's, not that of the config.
    const [fresh, taken] = await Promise.all(
      [{ r: 2 }, { r: 16, ...init }].map(async (lora) =>
        (await planRun(await of(lora, `${dir}/planned`), { device, time: false })).stages
      ),
    );
    deepEqual(taken, fresh);
  }));

Deno.test("a PEFT folder as the model goes on from where it is; init_lora_weights takes its values, but the base is the reference", () =>
  withInput(async (dir) => {
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(10)));
    const keys = { pairs: `${dir}/pairs.jsonl`, noise: "none", training: TRAINING, lora: { r: 4, save: "both" } };
    await runOptimize(await configOf(dir, keys));
    const adapter = `${dir}/run/adapter`;
    const notes: string[] = [];
    const hooks = { onNote: (line: string) => void notes.push(line) };
    const on8 = { ...keys, lora: { ...keys.lora, r: 8 }, model: adapter, output_dir: `${dir}/on` };
    await runOptimize(await configOf(dir, on8), hooks);
    match(notes.join("\n"), /The adapter goes on with its own settings: r 4, lora_alpha 32, not those of lora/);
    equal((await linesOf(`${dir}/on`, 0)).steps[0]!["rewards/margins"], 0);
    const initial = { ...keys.lora, r: 16, init_lora_weights: adapter };
    const init = await configOf(dir, { ...keys, lora: initial, output_dir: `${dir}/init` });
    const own: string[] = [];
    await runOptimize(init, { onNote: (line) => void own.push(line) });
    match(own.join("\n"), /The adapter goes on with its own settings: r 4, lora_alpha 32, not those of lora/);
    notDeepEqual((await linesOf(`${dir}/init`, 0)).steps[0]!["rewards/margins"], 0);
    // The merged model and the adapter beside its base are the same model: what follows is nearly the same.
    await runOptimize(await configOf(dir, { ...keys, model: `${dir}/run/model`, output_dir: `${dir}/again` }));
    const [on, again] = [await linesOf(`${dir}/on`, 0), await linesOf(`${dir}/again`, 0)];
    ok(Math.abs(on.steps[0]!["logps/chosen"]! - again.steps[0]!["logps/chosen"]!) < 1e-3);

    // Other targets are told as another rank is, and settings that are the adapter's are not.
    const told: string[] = [];
    const onNote = (line: string): void => void told.push(line);
    await runOptimize(await configOf(dir, { ...keys, model: adapter, output_dir: `${dir}/same` }), { onNote });
    equal(told.join().includes("goes on with its own"), false, told.join());
    const other = { ...keys, lora: { ...keys.lora, target_modules: ["q_proj"] } };
    await runOptimize(await configOf(dir, { ...other, model: adapter, output_dir: `${dir}/other_targets` }), {
      onNote,
    });
    match(told.join(), /goes on with its own settings/);

    await refuses(
      runOptimize(await configOf(dir, { ...keys, lora: null, model: adapter, output_dir: `${dir}/all` })),
      /^Cannot train all weights of \S+\/run\/adapter: it is an adapter; set lora to train it further \(lora: \{\} will do\), or name a model$/,
    );
    const whole = await configOf(dir, { ...keys, lora: null, model: adapter });
    delete whole.data.train;
    await refuses(planRun(whole, { device, time: false }), /^Cannot train all weights of \S+\/run\/adapter: it is an/);
    await refuses(
      runOptimize(await configOf(dir, { ...keys, lora: { init_lora_weights: "pissa" }, output_dir: `${dir}/first` })),
      /^Cannot take the first values from pissa: it is no folder with adapter_config\.json, expected lora\.init_lora_weights to be true, gaussian or a PEFT folder$/,
    );
    await writeTinyModel(`${dir}/wide`, { config: { hidden_size: 32 } });
    const path = `${adapter}/adapter_config.json`;
    const config = JSON.parse(await Deno.readTextFile(path));
    await Deno.writeTextFile(path, JSON.stringify({ ...config, base_model_name_or_path: `${dir}/wide` }));
    await refuses(
      runOptimize(await configOf(dir, { ...keys, model: adapter, output_dir: `${dir}/other` })),
      /^Cannot load "model\.layers\.0\.\S+\.weight" from \S+adapter_model\.safetensors: shape is \[4, 16\], expected \[4, 32\] from adapter_config\.json and the base's config\.json$/,
    );
    await Deno.writeTextFile(path, JSON.stringify({ ...config, base_model_name_or_path: null }));
    await refuses(
      runOptimize(await configOf(dir, { ...keys, model: adapter, output_dir: `${dir}/none` })),
      /^Cannot load the adapter from \S+: base_model_name_or_path of adapter_config\.json is not set/,
    );
    await Deno.writeTextFile(path, JSON.stringify({ ...config, base_model_name_or_path: `${dir}/gone` }));
    await refuses(
      runOptimize(await configOf(dir, { ...keys, model: adapter, output_dir: `${dir}/moved` })),
      /^Cannot load the adapter from \S+: there is no config\.json in its base \S+\/gone, expected the model that it/,
    );
    await Deno.writeTextFile(path, JSON.stringify({ ...config, base_model_name_or_path: adapter }));
    await refuses(
      runOptimize(await configOf(dir, { ...keys, model: adapter, output_dir: `${dir}/twice` })),
      /^Cannot load the adapter from \S+: its base \S+ is an adapter too, expected a model$/,
    );
  }));

Deno.test("a base or an adapter exchanged or damaged between kill and resume is refused, and named", () =>
  withInput(async (dir) => {
    const config = await configOf(dir, { iterations: 2, training: TRAINING, lora: { r: 4, save: "adapter" } });
    const stop = new AbortController();
    const onProgress = ({ stage, iteration, done }: { stage: string; iteration?: number; done: number }): void =>
      stage === "optimize" && iteration === 1 && done === 2 ? stop.abort() : undefined;
    await rejects(train(config, { signal: stop.signal, onProgress }), /^StoppedError/);
    const path = `${dir}/run/iteration-0/adapter/adapter_model.safetensors`;
    const bytes = await Deno.readFile(path);
    await Deno.writeFile(path, bytes.map((byte, i) => i === bytes.length - 3 ? byte ^ 1 : byte));
    await refuses(
      train(config),
      /^Cannot use a model of the run: \S+\/iteration-0\/adapter\/adapter_model\.safetensors has SHA-256 .* as it was written; delete \S+\/iteration-0\/adapter and \S+\/iteration-1 to train them again$/,
    );
    await Deno.writeFile(path, bytes);
    await Deno.rename(`${dir}/model`, `${dir}/kept`);
    await writeTinyModel(`${dir}/model`, { seed: 5 });
    await refuses(train(config), /^Cannot go on with the run in \S+: \S+\/model is not the model that it began with: /);
    await Deno.remove(`${dir}/model`, { recursive: true });
    await Deno.rename(`${dir}/kept`, `${dir}/model`);
    await train(config);
    const whole = await configOf(dir, {
      iterations: 2,
      training: TRAINING,
      lora: { r: 4, save: "adapter" },
      output_dir: `${dir}/whole`,
    });
    await train(whole);
    for (const name of ["metrics.jsonl", "adapter/adapter_model.safetensors"]) {
      deepEqual(await Deno.readFile(`${dir}/run/${name}`), await Deno.readFile(`${dir}/whole/${name}`), name);
    }
  }));

Deno.test("a run with adapters that dies goes on to the same bytes", () =>
  withInput(async (dir) => {
    const places = /rename \S+ to \S+\/(adapter|model|state\/\S+)$/;
    const choose = (changes: readonly string[]): number[] =>
      [...changes.keys()].filter((i) => places.test(changes[i]!)).flatMap((i) => [i, i + 1]).slice(0, 6);
    const count = await dieAndGoOn(dir, { iterations: 2, choose, keys: { lora: { r: 4, save: "both" } } });
    ok(count >= 6, `${count}`);
  }));

Deno.test("dropout is drawn from a number's place: the same for any micro-batch, and after a kill; none is in evaluations", () =>
  withInput(async (dir) => {
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(8)));
    const keys = { pairs: `${dir}/pairs.jsonl`, noise: "none", lora: { r: 4, lora_dropout: 0.3, save: "adapter" } };
    const training = { ...TRAINING, max_steps: 5, per_device_train_batch_size: 8 };
    const config = await configOf(dir, { ...keys, training });
    const stop = new AbortController();
    const onProgress = ({ stage, done }: { stage: string; done: number }): void =>
      stage === "optimize" && done === 2 ? stop.abort() : undefined;
    await rejects(runOptimize(config, { signal: stop.signal, onProgress }), /^StoppedError/);
    await runOptimize(config);
    await runOptimize(await configOf(dir, { ...keys, training, output_dir: `${dir}/whole` }));
    const bytes = (name: string): Promise<Uint8Array> =>
      Deno.readFile(`${dir}/${name}/adapter/adapter_model.safetensors`);
    deepEqual(await bytes("run"), await bytes("whole"));
    const small = { ...training, per_device_train_batch_size: 2, gradient_accumulation_steps: 4 };
    await runOptimize(await configOf(dir, { ...keys, training: small, output_dir: `${dir}/small` }));
    await runOptimize(await configOf(dir, { ...keys, lora: { r: 4 }, training, output_dir: `${dir}/none` }));
    const norms = async (name: string): Promise<number[]> =>
      (await linesOf(`${dir}/${name}`, 0)).steps.map((step) => step.grad_norm!);
    const [whole, parts, none] = [await norms("whole"), await norms("small"), await norms("none")];
    whole.forEach((norm, i) => ok(Math.abs(norm / parts[i]! - 1) < 1e-4, `${norm}, ${parts[i]}`));
    ok(Math.abs(whole[0]! / none[0]! - 1) > 1e-2, "nothing was dropped");
    // B is zero at first, so nothing dropped before A tells in the first loss.
    equal((await linesOf(`${dir}/whole`, 0)).steps[0]!["rewards/margins"], 0);
  }));

Deno.test("every loss, and sft, trains an adapter and nothing else", () =>
  withInput(async (dir) => {
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(6)));
    const base = await Deno.readFile(`${dir}/model/model.safetensors`);
    const keys = {
      pairs: `${dir}/pairs.jsonl`,
      lora: { r: 2, save: "adapter", target_modules: ["q_proj", "down_proj"] },
    };
    for (const loss_type of LOSS_TYPES.filter((name) => name !== "sft")) {
      const training = { ...TRAINING, loss_type, ...loss_type === "robust" && { label_smoothing: 0.1 } };
      const output_dir = `${dir}/${loss_type}`;
      await runOptimize(await configOf(dir, { ...keys, noise: "none", training, output_dir }));
      equal((await tensorsOf(`${output_dir}/adapter`)).size, 2 * 2 * 2);
    }
    for (const update of ["joint", "alternating"]) {
      await runOptimize(
        await configOf(dir, { ...keys, noise: { update }, training: TRAINING, output_dir: `${dir}/${update}` }),
      );
    }
    await runSft(await configOf(dir, { ...keys, output_dir: `${dir}/sft`, training: TRAINING }));
    const { steps } = await linesOf(`${dir}/sft`, 0);
    ok(steps.at(-1)!.loss! < steps[0]!.loss!);
    deepEqual(await Deno.readFile(`${dir}/model/model.safetensors`), base);
  }));
