/** An adapter stands wherever a model does, and is the model that it is merged into. @module */
import { deepEqual, equal, fail, match, notDeepEqual, ok, rejects } from "node:assert/strict";
import { compareModels } from "../../../core/evaluate/compare_models.ts";
import { type PairScore, scorePairs } from "../../../core/evaluate/score_pairs.ts";
import { mergeAdapterFolder } from "../../../core/export/merge_adapter.ts";
import { openChat } from "../../../core/generate/open_chat.ts";
import { runGenerate, runLabel, runOptimize } from "../../../core/loop/single_stages.ts";
import { jsonLines, tinyPairs } from "../../_shared/tiny_model.ts";
import { readJsonLines } from "../../_shared/trajectory.ts";
import { configOf, withChat, withInput } from "./_runs.ts";

/** Trains an adapter a little, and hands it out beside the merged model. */
async function trainBoth(dir: string, pairs: readonly unknown[]): Promise<{ adapter: string; merged: string }> {
  await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(pairs));
  const lora = { r: 4, save: "both" };
  const training = { max_steps: 4, learning_rate: 3e-2 };
  await runOptimize(
    await configOf(dir, { pairs: `${dir}/pairs.jsonl`, noise: "none", lora, training, output_dir: `${dir}/tuned` }),
  );
  return { adapter: `${dir}/tuned/adapter`, merged: `${dir}/tuned/model` };
}

Deno.test("scores, answers and labels of an adapter are those of the merged model", () =>
  withInput(async (dir) => {
    const { adapter, merged } = await trainBoth(dir, tinyPairs(10));
    const pairs = `${dir}/pairs.jsonl`;
    const [with_, into, before] = await Promise.all(
      [adapter, merged, `${dir}/model`].map((model) => scorePairs({ model, pairs })),
    );
    with_!.forEach(({ chosen, rejected }, i) => {
      ok(Math.abs(chosen / into![i]!.chosen - 1) < 1e-5, `${chosen}, ${into![i]!.chosen}`);
      ok(Math.abs(rejected / into![i]!.rejected - 1) < 1e-5);
    });
    ok(Math.abs(with_![0]!.chosen - before![0]!.chosen) > 1e-2, "it is the base");

    const answers = async (model: string, name: string): Promise<unknown[]> => {
      const config = await configOf(dir, {
        model,
        output_dir: `${dir}/${name}`,
        generation: { max_new_tokens: 8, temperature: 0 },
        labels: { judge: "logprob", model },
      });
      await runGenerate(config);
      await runLabel(config);
      return (await readJsonLines<Record<string, unknown>>(`${dir}/${name}/iteration-0/responses.jsonl`))
        .map((row) => row.generated_ids);
    };
    deepEqual(await answers(adapter, "a"), await answers(merged, "m"));
    const labels = await Promise.all(
      ["a", "m"].map(async (name) =>
        (await readJsonLines<Record<string, unknown>>(`${dir}/${name}/iteration-0/pairs.jsonl`)).map((row) =>
          row.chosen_ids
        )
      ),
    );
    deepEqual(labels[0], labels[1]);
  }));

Deno.test("an adapter of a quantized base is told of where the base is read as its folder has it", () =>
  withInput(async (dir) => {
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(6)));
    const keys = {
      pairs: `${dir}/pairs.jsonl`,
      noise: "none",
      training: { max_steps: 1 },
      lora: { r: 4, save: "both" },
    };
    await runOptimize(await configOf(dir, { ...keys, quantization: "int8" }));
    await runOptimize(await configOf(dir, { ...keys, output_dir: `${dir}/plain` }));
    const notesOf = async (model: string): Promise<string> => {
      const notes: string[] = [];
      await scorePairs({ model, pairs: `${dir}/pairs.jsonl`, onNote: (line) => notes.push(line) });
      return notes.join("\n");
    };
    const told =
      /^The adapter in \S+\/run\/adapter was trained over its base in int8: over the base as its folder has it,/m;
    match(await notesOf(`${dir}/run/adapter`), told);
    const scored = (model: string, quantization?: "int8"): Promise<PairScore[]> =>
      scorePairs({
        model,
        pairs: `${dir}/pairs.jsonl`,
        ...(quantization && { quantization }),
        onNote: (line) => fail(`Unexpected note: ${line}`),
      });
    const merged = await scored(`${dir}/run`);
    for (const [i, { chosen, rejected }] of (await scored(`${dir}/run/adapter`, "int8")).entries()) {
      ok(Math.abs(chosen / merged[i]!.chosen - 1) < 1e-5, `${chosen}, ${merged[i]!.chosen}`);
      ok(Math.abs(rejected / merged[i]!.rejected - 1) < 1e-5);
    }
    notDeepEqual(await scored(`${dir}/plain`, "int8"), await scored(`${dir}/plain`));
    equal(await notesOf(`${dir}/run`), "", "the merged model is the one that was trained");
    equal(await notesOf(`${dir}/plain/adapter`), "");
    await Deno.remove(`${dir}/run/model`, { recursive: true });
    match(await notesOf(`${dir}/run`), told);
    const notes: string[] = [];
    const onNote = (line: string): void => void notes.push(line);
    await mergeAdapterFolder({ adapter: `${dir}/run`, output: `${dir}/merged`, onNote });
    match(notes.join("\n"), told);
  }));

Deno.test("chat and compare take adapters; without its base an adapter is an error in one line", () =>
  withChat(async (dir) => {
    const rows = [1, 2, 3, 4].map((i) => ({ prompt_ids: [3, i], chosen_ids: [5, 6], rejected_ids: [7 + i] }));
    const { adapter, merged } = await trainBoth(dir, rows);
    {
      using opened = await openChat({ model: `${dir}/tuned/adapter`, settings: { max_new_tokens: 4 } });
      equal(opened.model.path, adapter);
      ok(opened.model.parameters > 0);
    }
    const config = await configOf(dir, { labels: { judge: "logprob", model: adapter } });
    const { result } = await compareModels(config, { a: adapter, b: merged, prompts: `${dir}/rows.jsonl` });
    equal(result.rate, 0.5);
    await Deno.rename(`${dir}/model`, `${dir}/gone`);
    await rejects(openChat({ model: adapter, settings: { max_new_tokens: 4 } }), (error: Error) => {
      match(error.message, /^Cannot [^\n]*\/model/);
      return true;
    });
  }));
