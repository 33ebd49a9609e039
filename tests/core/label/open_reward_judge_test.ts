import { deepEqual, equal, rejects } from "node:assert/strict";
import type { ResolvedConfig } from "../../../core/config/config.ts";
import { readResponses } from "../../../core/data/stage_files.ts";
import { loadTokenizer } from "../../../core/data/tokenizer/tokenizer.ts";
import { generateStage } from "../../../core/loop/generate_stage.ts";
import { labelStage } from "../../../core/loop/label_stage.ts";
import { type GenerateStep, generateStep, type LabelStep, labelStep } from "../../../core/loop/schedule.ts";
import { loadRewardModel, scoreTexts } from "../../../core/model/reward_model.ts";
import { withRun } from "../../../core/run/run_context.ts";
import { commands, device } from "../../_shared/device.ts";
import { writeRewardModel } from "../../_shared/reward_model.ts";
import { readJsonLines } from "../../_shared/trajectory.ts";
import { CHATML, writeTokenizer } from "../data/_fixtures.ts";
import { configOf, linesOf, withChat, withInput } from "../loop/_runs.ts";

async function stepsOf(config: ResolvedConfig): Promise<[GenerateStep, LabelStep]> {
  return [await generateStep(config), await labelStep(config)];
}

Deno.test("labelStage() with judge reward-model scores a conversation's turns by the reward model's template", () =>
  withChat(async (dir) => {
    await writeRewardModel(`${dir}/reward`, `${dir}/model`, { seed: 4 });
    await writeTokenizer(`${dir}/reward`, { config: { chat_template: CHATML + "{{ 'b' }}" } });
    const labels = { judge: "reward-model", model: `${dir}/reward`, max_length: 25 };
    const config = await configOf(dir, { labels });
    const [generate, label] = await stepsOf(config);
    const notes: string[] = [];
    await withRun(config, { needs: [], hooks: { onNote: (line) => notes.push(line) } }, async (context) => {
      await generateStage(context, generate);
      await labelStage(context, label);
    });
    const responses = await readResponses(label.paths.responses);
    deepEqual(responses.map(({ messages }) => messages), [
      [{ role: "user", content: "hello" }],
      [{ role: "user", content: "ab" }],
      [{ role: "user", content: "a" }],
    ]);
    const tokenizer = await loadTokenizer(`${dir}/reward`);
    const texts = responses.flatMap(({ messages, response, generated }) =>
      [response, generated].map((content) =>
        tokenizer.encode(
          tokenizer.renderChat([...messages!, { role: "assistant", content }], { addGenerationPrompt: false }),
          { addSpecialTokens: false },
        )
      )
    );
    const model = await loadRewardModel(device, `${dir}/reward`);
    const scores = await scoreTexts(commands, model, { rows: texts.map((ids) => ids.slice(-25)) });
    model.free();
    const pairs = await readJsonLines<Record<string, number>>(label.paths.pairs);
    deepEqual(
      pairs.flatMap((pair) => [pair.score_human, pair.score_generated]),
      scores.map(([score]) => score),
    );
    const cut = texts.filter((ids) => ids.length > 25).length;
    const { stages } = await linesOf(`${dir}/run`, 0);
    equal(stages.label!["labels/truncated"], cut);
    equal(notes.some((line) => line.includes(`${cut} of 6 texts were longer than 25 tokens`)), cut > 0);
    equal(cut > 0, true);
  }));

Deno.test("judge reward-model without a tokenizer is refused where the policy has one, and takes ids where it has none", () =>
  withInput(async (dir) => {
    await writeRewardModel(`${dir}/reward`, `${dir}/judge`);
    const config = await configOf(dir, { labels: { judge: "reward-model", model: `${dir}/reward` } });
    const [generate, label] = await stepsOf(config);
    await withRun(config, { needs: [], hooks: {} }, async (context) => {
      await generateStage(context, generate);
      const { pairs } = await labelStage(context, label);
      equal(pairs, 10);
      await writeTokenizer(`${dir}/model`);
      await rejects(
        labelStage(context, label),
        /^UserError: Cannot judge with .*\/reward: it has no tokenizer.json, expected one as .*\/model has$/,
      );
    });
  }));
