import { deepEqual, doesNotMatch, equal, match, rejects } from "node:assert/strict";
import { loadConfig } from "../../../core/config/config.ts";
import { templateTail } from "../../../core/data/encode_row.ts";
import { loadTokenizer } from "../../../core/data/tokenizer/tokenizer.ts";
import { scorePairs } from "../../../core/evaluate/score_pairs.ts";
import { runGenerate, runLabel, runOptimize, runSft } from "../../../core/loop/single_stages.ts";
import { train } from "../../../core/loop/train_run.ts";
import { filesToPush } from "../../../core/report/push_run.ts";
import type { ProgressEvent } from "../../../core/progress.ts";
import { writeReport } from "../../../core/report/write_report.ts";
import { listRuns, type RunState } from "../../../core/run/list_runs.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { jsonLines, tinyPairs, writeTinyModel } from "../../_shared/tiny_model.ts";
import { readJsonLines, readTensors } from "../../_shared/trajectory.ts";
import { CHAT_VOCAB, configOf, linesOf, withChat, withInput } from "./_runs.ts";

/** A line of responses.jsonl. */
interface Response {
  prompt_ids: number[];
  response_ids: number[];
  generated: string;
  generated_ids: number[];
  finished: boolean;
}

Deno.test("runGenerate() appends what the template writes after EOS, so that both answers end alike", () =>
  withChat(async (dir) => {
    const path = await runGenerate(await configOf(dir));
    const tail = templateTail(await loadTokenizer(`${dir}/model`), 2);
    equal(tail.length > 0, true);
    for (const row of await readJsonLines<Response>(path)) {
      deepEqual(row.generated_ids, [2, ...tail]);
      deepEqual(row.response_ids.slice(-1 - tail.length), [2, ...tail]);
      deepEqual([row.finished, row.generated], [true, ""]);
    }
    deepEqual((await linesOf(`${dir}/run`, 0)).stages.generate, {
      iteration: 0,
      stage: "generate",
      "generation/rows": 3,
      "generation/length": 1 + tail.length,
      "generation/truncated": 0,
    });
  }));

Deno.test("runGenerate() cuts an answer at max_new_tokens without EOS or tail, and at max_length, and counts it", () =>
  withChat(async (dir) => {
    // The one token it knows ends nothing.
    await Deno.writeTextFile(`${dir}/model/generation_config.json`, JSON.stringify({ eos_token_id: 1 }));
    const path = await runGenerate(await configOf(dir, { generation: { max_new_tokens: 4, temperature: 0 } }));
    const rows = await readJsonLines<Response>(path);
    deepEqual(
      rows.map(({ generated_ids, finished }) => [generated_ids, finished]),
      new Array(3).fill([[2, 2, 2, 2], false]),
    );
    equal((await linesOf(`${dir}/run`, 0)).stages.generate!["generation/truncated"], 3);
    const prompts = rows.map(({ prompt_ids }) => prompt_ids.length);
    const data = { train: `${dir}/rows.jsonl`, max_length: Math.max(...prompts) + 2 };
    const notes: string[] = [];
    const short = await runGenerate(
      await configOf(dir, { data, output_dir: `${dir}/short`, generation: { max_new_tokens: 4, temperature: 0 } }),
      { onNote: (line) => notes.push(line) },
    );
    deepEqual(
      (await readJsonLines<Response>(short)).map(({ generated_ids }) => generated_ids.length),
      prompts.map((length) => Math.min(4, data.max_length - length)),
    );
    equal(notes.some((line) => /responses? of 3 rows cut at max_length/.test(line)), true, `${notes}`);
  }));

Deno.test("evaluation counts what the verifier calls right, and the held-out responses' cross-entropy", () =>
  withChat(async (dir) => {
    const verifier = `${dir}/verifier.ts`;
    // Right where the answer is empty and the reference below 2: two of three.
    await Deno.writeTextFile(
      verifier,
      "export default ({ response, reference }) => response === '' && reference < 2 ? 1 : 0.5;",
    );
    const keys = {
      method: "spin",
      labels: { judge: "human", verifier },
      data: { train: `${dir}/rows.jsonl`, eval: `${dir}/rows.jsonl` },
      training: { learning_rate: 0 },
    };
    const stop = /^UserError: Cannot run verifier .*verifier.ts: --no-verifier forbids it/;
    await rejects(train(await configOf(dir, keys), { allowVerifier: false }), stop);
    const { iterations } = await train(await configOf(dir, keys));
    for (const { greedy, sampled, eval_loss } of iterations) {
      assertClose([greedy!, sampled!], [2 / 3, 2 / 3], { rtol: 1e-12 });
      const logSum = Math.log(Math.exp(16) + CHAT_VOCAB - 1);
      const rows = await readJsonLines<Response>(`${dir}/run/iteration-0/responses.jsonl`);
      const ids = rows.flatMap(({ response_ids }) => response_ids);
      const loss = ids.reduce((sum, id) => sum + logSum - (id === 2 ? 16 : 0), 0) / ids.length;
      assertClose(eval_loss!, loss, { rtol: 1e-5 });
    }
    const limited = { ...keys, data: { ...keys.data, eval_limit: 1 }, output_dir: `${dir}/limited` };
    equal((await train(await configOf(dir, limited))).iterations[0]!.greedy, 1);
  }));

Deno.test("runLabel() judges by a verifier, which --no-verifier forbids, and needs responses", () =>
  withChat(async (dir) => {
    const verifier = `${dir}/verifier.ts`;
    await Deno.writeTextFile(verifier, "export default ({ response, reference }) => response === '' ? reference : 1;");
    const config = await configOf(dir, { labels: { judge: "verifier", verifier } });
    await rejects(runLabel(config), /^UserError: Cannot label: .*responses.jsonl is not there; run generate first$/);
    await runGenerate(config);
    await rejects(runLabel(config, { allowVerifier: false }), /--no-verifier forbids it, and judge is verifier$/);
    const { path, report } = await runLabel(config);
    const { rows, generatedChosen, ties, identical, judged } = report;
    deepEqual([rows, report.pairs, generatedChosen, ties, identical, judged], [3, 3, 1 / 3, 1, 0, 3]);
    const pairs = await readJsonLines<Record<string, unknown>>(path);
    deepEqual(pairs.map(({ chosen_from }) => chosen_from), ["human", "human", "generated"]);
    deepEqual((await linesOf(`${dir}/run`, 0)).stages.label, {
      iteration: 0,
      stage: "label",
      "labels/pairs": 3,
      "labels/generated_chosen": 1 / 3,
      "labels/ties": 1,
      "labels/identical": 0,
      "labels/length_chosen": report.lengthChosen,
      "labels/length_rejected": report.lengthRejected,
      "labels/length_winner": report.lengthWinner,
      "labels/length_loser": report.lengthLoser,
      "labels/score_human": 1,
      "labels/score_generated": 1,
    });
  }));

Deno.test("a folder of rows alone is listed by what was made last, and as stopped where that was broken off", () =>
  withChat(async (dir) => {
    const config = await configOf(dir, { labels: { judge: "verifier", verifier: `${dir}/verifier.ts` } });
    await Deno.writeTextFile(`${dir}/verifier.ts`, "export default ({ response }) => response.length;");
    const states = async (): Promise<(string | boolean)[]> => {
      const [{ state, loss }] = await listRuns(dir) as [RunState];
      const page = await Deno.readTextFile(await writeReport(`${dir}/run`));
      return [state, loss === null, new RegExp(`role="status">${state}<`).test(page)];
    };
    await runGenerate(config);
    deepEqual(await states(), ["generated", true, true]);
    await rejects(runLabel(config, { signal: AbortSignal.abort() }), /StoppedError/);
    deepEqual(await states(), ["stopped", true, true]);
    await runLabel(config);
    deepEqual(await states(), ["labelled", true, true]);
    await runGenerate(config, { force: true });
    deepEqual(await states(), ["generated", true, true]);
  }));

Deno.test("runLabel() tokenizes the texts anew for a judge with another tokenizer", () =>
  withChat(async (dir) => {
    await writeTinyModel(`${dir}/judge`, { seed: 4, config: { vocab_size: CHAT_VOCAB } });
    for (const file of ["tokenizer.json", "tokenizer_config.json"]) {
      const text = await Deno.readTextFile(`${dir}/model/${file}`);
      // Other bytes, though the same tokens.
      await Deno.writeTextFile(`${dir}/judge/${file}`, text + " ");
    }
    const same = { labels: { judge: "logprob", model: `${dir}/model` } };
    const other = { labels: { judge: "logprob", model: `${dir}/judge` }, output_dir: `${dir}/other` };
    for (const keys of [same, other]) {
      await runGenerate(await configOf(dir, keys));
      const { path } = await runLabel(await configOf(dir, keys));
      const pairs = await readJsonLines<{ score_human: number; score_generated: number }>(path);
      equal(pairs.every(({ score_human, score_generated }) => score_human < 0 && score_generated < 0), true);
    }
  }));

Deno.test("runLabel() has nothing to train on where all answers are the same ids", () =>
  withChat(async (dir) => {
    const generate = await configOf(dir);
    const [row] = await readJsonLines<Response>(await runGenerate(generate));
    const same = { prompt_ids: row!.prompt_ids, response_ids: [2] };
    await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines([same, same]));
    const config = await configOf(dir, { output_dir: `${dir}/same` });
    await runGenerate(config);
    await rejects(
      runLabel(config),
      /^UserError: Cannot label .*: no pair is left of 2 rows \(2 with identical answers\)$/,
    );
  }));

Deno.test("runOptimize() leaves model, noise generator and log; runGenerate() of a later iteration takes its model", () =>
  withInput(async (dir) => {
    const pairs = `${dir}/pairs.jsonl`;
    await Deno.writeTextFile(pairs, jsonLines(tinyPairs(6)));
    const config = await configOf(dir, { pairs, noise: { update: "joint", init: "zeros", learning_rate: 0.5 } });
    const { model, last } = await runOptimize(config);
    const { steps } = await linesOf(`${dir}/run`, 0);
    equal(last.loss, steps.at(-1)!.loss);
    const noise = await readTensors(`${dir}/run/noise.safetensors`);
    deepEqual([...noise].map(([name, { length }]) => [name, length]), [["bias", 37], ["weight", 37 * 16]]);
    equal(noise.get("weight")!.some((value) => Math.abs(value) > 0.1), true);
    const scores = await scorePairs({ model: `${dir}/model`, pairs });
    // A run's folder stands for its model.
    deepEqual(await scorePairs({ model: `${dir}/run`, pairs }), await scorePairs({ model, pairs }));
    assertClose(steps[0]!["logps/rejected"]!, scores.reduce((sum, score) => sum + score.rejected, 0) / 6, {
      rtol: 1e-5,
    });

    // Iteration 1 of the same folder answers with what iteration 0 has made, where that is there.
    const later = { iteration: 1, generation: { temperature: 0, max_new_tokens: 6 } };
    const before = await Deno.readTextFile(
      await runGenerate(await configOf(dir, { ...later, output_dir: `${dir}/a` })),
    );
    await Deno.mkdir(`${dir}/b/iteration-0`, { recursive: true });
    await writeTinyModel(`${dir}/b/iteration-0/model`, { seed: 9 });
    const after = await Deno.readTextFile(await runGenerate(await configOf(dir, { ...later, output_dir: `${dir}/b` })));
    equal(before === after, false);
    equal((await Deno.stat(`${model}/model.safetensors`)).isFile, true);
  }));

Deno.test("runOptimize() tells of skipped rows and skipped steps", () =>
  withInput(async (dir) => {
    const change = (name: string, values: Float32Array): void => {
      if (name.includes("embed_tokens")) values.fill(NaN, 36 * 16);
    };
    await writeTinyModel(`${dir}/model`, { change });
    const pairs = `${dir}/pairs.jsonl`;
    await Deno.writeTextFile(pairs, '{"prompt_ids":[1]}\n' + jsonLines(tinyPairs(4, { marked: [3] })));
    const notes: string[] = [];
    const training = { per_device_train_batch_size: 2, on_nan: "skip", max_steps: 4, shuffle: false };
    const config = await configOf(dir, { pairs, method: "dpo", training, data: { on_bad_row: "skip" } });
    await rejects(
      runOptimize(config, { onNote: (line) => notes.push(line) }),
      /^UserError: Cannot save "model\.embed_tokens\.weight" as F32: it holds NaN, expected finite numbers$/,
    );
    equal(
      notes.some((line) => /pairs.jsonl: 1 malformed row left out, the first at .*:1: /.test(line)),
      true,
      `${notes}`,
    );
    equal(notes.includes("Warning: 2 of 4 steps were skipped for a NaN or Inf in loss or gradients"), true, `${notes}`);
    await rejects(
      runOptimize(await configOf(dir, { pairs, method: "dpo", output_dir: `${dir}/strict` })),
      /^UserError: Cannot read .*pairs.jsonl:1/,
    );
  }));

Deno.test("runSft() trains on the human responses, whatever the method", () =>
  withInput(async (dir) => {
    const told: ProgressEvent[] = [];
    const { last } = await runSft(await configOf(dir, { training: { learning_rate: 1e-2, max_steps: 4 } }), {
      onProgress: (event) => told.push(event),
    });
    // A stage that trains alone is of no iteration.
    deepEqual(told.findLast(({ stage }) => stage === "optimize")?.done, 4);
    equal(told.some((event) => "iteration" in event), false);
    const { steps } = await linesOf(`${dir}/run`, 0);
    deepEqual(Object.keys(steps[0]!), [
      "iteration",
      "step",
      "loss",
      "grad_norm",
      "learning_rate",
      "epoch",
      "num_tokens",
    ]);
    equal(last.loss! < steps[0]!.loss!, true);
  }));

Deno.test("runOptimize() and runSft() leave what they were, for the card and the list of runs, with config and report", () =>
  withInput(async (dir) => {
    const pairs = `${dir}/pairs.jsonl`;
    await Deno.writeTextFile(pairs, jsonLines(tinyPairs(6)));
    const config = await configOf(dir, { pairs });
    await runOptimize(config);
    await runSft({ ...config, output_dir: `${dir}/fine` });
    const cards = await Promise.all(["run", "fine"].map(async (name) => {
      deepEqual((await listRuns(`${dir}/${name}`)).map(({ state, planned }) => [state, planned]), [["done", null]]);
      deepEqual(
        await loadConfig(`${dir}/${name}/config.yaml`),
        { ...config, output_dir: `${dir}/${name}` },
      );
      match(await Deno.readTextFile(`${dir}/${name}/report.html`), /<h2>Figures<\/h2>/);
      return (await filesToPush(`${dir}/${name}`, { repo: "me/mine" })).card;
    }));
    match(
      cards[0]!,
      /by preference optimization on given pairs with loss `sigmoid`\.\n/,
    );
    match(cards[0]!, /\| noise \| joint \|[^]*\| `pairs` \| pairs\.jsonl \|/);
    match(
      cards[1]!,
      /This model was made with the program dnpo from the local model `model`, by supervised fine-tuning \(SFT\)\.\n/,
    );
    match(cards[1]!, /^tags:\n {2}- sft\n---$/m);
    doesNotMatch(cards.join(), /iterations? of|Dynamic Noise Preference Optimization \(/);
    deepEqual((await listRuns(dir)).map(({ name, method, model }) => [name, method, model]).sort(), [
      ["fine", "sft", `${dir}/model`],
      ["run", "optimize", `${dir}/model`],
    ]);
  }));

Deno.test("runOptimize() and runSft() replace no model but their own, nor does train() theirs", () =>
  withInput(async (dir) => {
    const pairs = `${dir}/pairs.jsonl`;
    await Deno.writeTextFile(pairs, jsonLines(tinyPairs(6)));
    const refused = async (work: Promise<unknown>, error: RegExp): Promise<void> => {
      const before = await Deno.readFile(`${dir}/run/model/model.safetensors`);
      await rejects(work, error);
      deepEqual(await Deno.readFile(`${dir}/run/model/model.safetensors`), before);
    };
    const holds = (action: string, what: string): RegExp =>
      new RegExp(
        `^UserError: Cannot run ${action} in .*/run: the folder holds ${what}; give another output_dir${
          what.includes("nothing says") ? "" : ", or --force to begin anew in this one"
        }$`,
      );
    const config = await configOf(dir, { pairs });
    // What is there before any work is none; of stages that make no model, optimize takes up the work.
    await Deno.mkdir(`${dir}/run`);
    await Deno.writeTextFile(`${dir}/run/config.yaml`, "method: dpo\n");
    await runGenerate(config);
    await rejects(runOptimize(config), holds("optimize", "a run of train"));
    await Deno.remove(`${dir}/run/config.yaml`);

    const { model } = await runOptimize(config);
    const bytes = await Deno.readFile(`${model}/model.safetensors`);
    await runOptimize({ ...config, labels: { judge: "human", verifier_timeout: 1, margin: 0 } });
    deepEqual(await Deno.readFile(`${model}/model.safetensors`), bytes);
    await refused(
      runOptimize(await configOf(dir, { pairs, training: { beta: 0.5 } })),
      /^UserError: Cannot go on with optimize in .*\/run: training.beta is 0.5, expected 0.1 as in .*\/run\/stage.yaml; give another output_dir, or --force to begin anew in this one$/,
    );
    await refused(runSft(config), holds("sft", "a run of optimize"));
    await refused(train(config), holds("train", "a run of optimize"));
    await Deno.remove(`${dir}/run/stage.yaml`);
    await Deno.remove(`${dir}/run/config.yaml`);
    await refused(runSft(config), holds("sft", "a model, and nothing says what made it"));

    await refused(train(config), holds("train", "a model, and nothing says what made it"));
    await Deno.rename(`${dir}/run/model`, `${dir}/run/adapter`);
    await rejects(runSft(config), holds("sft", "an adapter, and nothing says what made it"));

    await Deno.remove(`${dir}/run`, { recursive: true });
    await train(config);
    await refused(runSft(config), holds("sft", "a run of train"));
    await refused(runOptimize(config), holds("optimize", "a run of train"));
  }));

Deno.test("a stage names the key that it cannot do without", () =>
  withInput(async (dir) => {
    await rejects(runOptimize(await configOf(dir)), /^UserError: Cannot run optimize: "pairs" is not set/);
    await rejects(runSft(await configOf(dir, { data: {} })), /^UserError: Cannot run sft: "data.train" is not set/);
  }));

Deno.test("runOptimize() refuses a noise.rank that the generator cannot have before the reference scores a row", () =>
  withInput(async (dir) => {
    const pairs = `${dir}/pairs.jsonl`;
    await Deno.writeTextFile(pairs, jsonLines(tinyPairs(6)));
    const config = await configOf(dir, { pairs, noise: { rank: 17 } });
    await rejects(
      runOptimize(config),
      /^UserError: Cannot make a noise generator of rank 17: its weight is \[37, 16\], expected noise.rank of at most 16$/,
    );
    await rejects(Deno.stat(`${dir}/run/reference_logps.safetensors`), Deno.errors.NotFound);
  }));
