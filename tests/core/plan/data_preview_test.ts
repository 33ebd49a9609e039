/** The preview of the data is held to what training reads. */
import assert from "node:assert/strict";
import { openModelFolder } from "../../../core/checkpoint/model_folder.ts";
import { forIteration, type ResolvedConfig } from "../../../core/config/config.ts";
import { RowEncoder } from "../../../core/data/row_encoder.ts";
import { loadTokenizer } from "../../../core/data/tokenizer/tokenizer.ts";
import { readExamples, readTrainingRows } from "../../../core/loop/read_rows_of_step.ts";
import { type OptimizeStep, optimizeStep, trainSchedule } from "../../../core/loop/schedule.ts";
import { previewData, type PreviewedRow } from "../../../core/plan/data_preview.ts";
import { RunChecksums } from "../../../core/run/run_checksums.ts";
import type { RowContext } from "../../../core/run/run_context.ts";
import { RunSources } from "../../../core/run/run_sources.ts";
import { places } from "../../../core/train/training_rows.ts";
import { jsonLines, tinyPairs, writeTinyModel } from "../../_shared/tiny_model.ts";
import { withFolder } from "../_tiny.ts";
import { writeTokenizer } from "../data/_fixtures.ts";
import { CHAT_VOCAB, configOf, withChat } from "../loop/_runs.ts";

async function contextOf(): Promise<RowContext> {
  return {
    sources: await RunSources.open(null, {}),
    encoder: new RowEncoder(),
    checksums: await RunChecksums.open(null),
    onNote: () => {},
    signal: new AbortController().signal,
  };
}

const ALL = { samples: 1000 };

const idsOf = ({ prompt, answers }: PreviewedRow): number[][] =>
  [prompt, ...answers.map(({ tokens }) => tokens)].map((tokens) => tokens.map(({ id }) => id));

/** Asserts that the samples are the rows that the step trains on, with their masks. */
async function matchesTraining(
  config: ResolvedConfig,
  step: Pick<OptimizeStep, "settings" | "rows">,
): Promise<PreviewedRow[]> {
  const { samples } = await previewData(config, ALL);
  const rows = await readTrainingRows(await contextOf(), { folder: await openModelFolder(config.model!), step });
  assert.equal(samples.length, rows.length);
  for (const i of places(rows)) {
    assert.deepEqual(idsOf(samples[i]!), rows.ids(i));
    assert.equal(samples[i]!.row, rows.example(i));
    const [answer] = samples[i]!.answers;
    assert.deepEqual(answer!.tokens.map(({ trained }) => trained), rows.lossMask(i) ?? answer!.tokens.map(() => true));
    assert(samples[i]!.prompt.every(({ trained }) => !trained));
  }
  return samples;
}

function optimizeOf(config: ResolvedConfig, hasPairs: boolean): OptimizeStep {
  const steps = trainSchedule(config, { hasPairs }).flatMap((round) => round.steps);
  return steps.find((step): step is OptimizeStep => step.stage === "optimize")!;
}

const turn = (role: string, content: string) => ({ role, content });

Deno.test("the tokens and masks of sft are those of training, over one turn and over all", () =>
  withChat(async (dir) => {
    const talk = [turn("user", "hello"), turn("assistant", "ab"), turn("user", "a"), turn("assistant", "ba")];
    await Deno.writeTextFile(
      `${dir}/rows.jsonl`,
      jsonLines([{ messages: talk }, { prompt: "hello ", completion: "ab" }]),
    );
    for (const assistant_only_loss of [false, true]) {
      const data = { train: `${dir}/rows.jsonl`, assistant_only_loss };
      const config = await configOf(dir, { method: "sft", data });
      const [sample] = await matchesTraining(config, optimizeOf(config, false));
      const trained = sample!.answers[0]!.tokens.filter(({ trained }) => trained).length;
      // All turns are one answer, with the user's second turn in it, which is not trained on.
      assert.equal(trained < sample!.answers[0]!.tokens.length, assistant_only_loss);
    }
  }));

Deno.test("the tokens of pairs are those of training, cut at max_length, from the data and from a file", () =>
  withChat(async (dir) => {
    const rows = ["hello", "a", "hello hello"].map((prompt) => ({ prompt, chosen: "b".repeat(9), rejected: "b" }));
    await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(rows));
    const data = { train: `${dir}/rows.jsonl`, max_length: 8 };
    const config = await configOf(dir, { method: "dpo", data });
    const samples = await matchesTraining(config, optimizeOf(config, true));
    assert(samples.some(({ answers }) => answers[0]!.uncut > answers[0]!.tokens.length));
    const { kind, train } = await previewData(config, ALL);
    assert.deepEqual([kind, train.cut], [
      "pairs",
      samples.filter(({ answers }) => answers[0]!.uncut > answers[0]!.tokens.length).length,
    ]);
    const sft = await configOf(dir, { method: "dpo", data, training: { loss_type: "sft" } });
    await matchesTraining(sft, optimizeOf(sft, true));

    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(4)));
    const alone = await configOf(dir, { pairs: `${dir}/pairs.jsonl` });
    delete alone.data.train;
    await matchesTraining(alone, optimizeStep(alone, "pairs"));
  }));

Deno.test("what training refuses has no preview: method dpo on rows without pairs, and without a judge", () =>
  withChat(async (dir) => {
    const config = await configOf(dir, { method: "dpo" });
    await assert.rejects(previewData(config), /^UserError: Cannot train with method dpo on .*no chosen and rejected/);
  }));

Deno.test("prompts are those that the model answers, with the human answer", () =>
  withChat(async (dir) => {
    const config = await configOf(dir, {});
    const { kind, samples, eval: held } = await previewData(config, ALL);
    const tokenizer = await loadTokenizer(`${dir}/model`);
    const model = await openModelFolder(`${dir}/model`);
    const examples = await readExamples(await contextOf(), { model, tokenizer, settings: forIteration(config, 0) });
    assert.deepEqual([kind, held], ["prompts", null]);
    assert.deepEqual(samples.map(idsOf), examples.map(({ promptIds, responseIds }) => [promptIds, responseIds]));
    for (const [i, { prompt, answers: [answer] }] of samples.entries()) {
      // The texts of the tokens are the text of all, special tokens too.
      const text = (tokens: typeof prompt): string => tokens.map(({ text }) => text).join("");
      assert.equal(text(prompt), tokenizer.decode(examples[i]!.promptIds));
      assert.equal(text(prompt) + text(answer!.tokens), tokenizer.decode(idsOf(samples[i]!).flat()));
    }
    assert.equal((await previewData(config, { samples: 2 })).samples.map(({ row }) => row).join(), "0,2");
    assert.deepEqual((await previewData(config, { samples: 0 })).samples, []);
  }));

Deno.test("what is dropped, cut and malformed is counted with places and reasons, and max_length costs what it says", () =>
  withChat(async (dir) => {
    const row = (n: number, m: number) => JSON.stringify({ prompt: "ab".repeat(n), response: "b".repeat(m) });
    const lines = [row(1, 1), "{broken", row(9, 2), row(2, 30), row(1, 8), row(30, 1)];
    await Deno.writeTextFile(`${dir}/rows.jsonl`, lines.join("\n") + "\n");
    const previewOf = async (max_length: number) => {
      const data = { train: `${dir}/rows.jsonl`, eval: `${dir}/rows.jsonl`, on_bad_row: "skip", max_length };
      return await previewData(await configOf(dir, { method: "sft", data }), ALL);
    };
    const preview = await previewOf(16);
    const { train, eval: held, costs, lengths, histogram } = preview;
    assert.deepEqual([train.rows, train.kept, train.cut], [5, 5 - train.dropped.length, 1]);
    assert.equal(train.malformed.length, 1);
    assert.match(train.malformed[0]!.where, /rows\.jsonl:2$/);
    assert(train.dropped.length > 0);
    for (const { where, reason } of train.dropped) {
      assert.match(where, /rows\.jsonl:\d$/);
      assert.match(reason, /^its prompt, \d+ tokens, alone reaches max_length 16$/);
    }
    assert.deepEqual([held!.rows, held!.kept, held!.dropped.length], [5, train.kept, train.dropped.length]);
    assert.equal(histogram.reduce((sum, { rows }) => sum + rows, 0), 5);
    assert.equal(lengths.row.max, Math.max(...(await previewOf(1000)).samples.map((row) => idsOf(row).flat().length)));
    let checked = 0;
    for (const { maxLength, dropped, cutRows } of costs) {
      const there = await previewOf(maxLength).catch((error) => error);
      if (there instanceof Error) {
        assert.match(there.message, /none of 5 rows is left/);
        assert.equal(dropped, 5);
        continue;
      }
      assert.deepEqual([there.train.dropped.length, there.train.cut], [dropped, cutRows], `${maxLength}`);
      checked++;
    }
    assert(checked >= 3);
    assert.deepEqual(costs.at(-1), { maxLength: costs.at(-1)!.maxLength, dropped: 0, cutRows: 0, keptShare: 1 });
    assert(costs.some(({ maxLength }) => maxLength === 16));
  }));

Deno.test("each row that is left out has its own reason, of held-out rows too", () =>
  withFolder(async (dir) => {
    await writeTinyModel(`${dir}/model`, { config: { vocab_size: CHAT_VOCAB } });
    // An empty answer has no token where the template writes none after it.
    const chat_template = "{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}" +
      "{% if add_generation_prompt %}[assistant] {% endif %}";
    await writeTokenizer(`${dir}/model`, { config: { chat_template } });
    const rows = ["a", "ab ".repeat(60), "b"].map((content, i) => ({
      messages: [turn("user", content), turn("assistant", i === 2 ? "" : "b")],
    }));
    await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(rows));
    const data = { train: `${dir}/rows.jsonl`, eval: `${dir}/rows.jsonl`, max_length: 60 };
    const { train, eval: held } = await previewData(await configOf(dir, { method: "sft", data }));
    assert.match(train.dropped[0]!.reason, /^its prompt, \d+ tokens, alone reaches max_length 60$/);
    assert.equal(train.dropped[1]!.reason, "an answer has no token to train on");
    assert.deepEqual(held!.dropped, train.dropped);
  }));
