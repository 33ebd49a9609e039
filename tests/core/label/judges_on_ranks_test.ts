/** Judges that are models of this machine, on logical ranks: the scores of one process. @module */
import { deepEqual, ok } from "node:assert/strict";
import { runGenerate, runLabel } from "../../../core/loop/single_stages.ts";
import { loadRewardModel, scoreTexts } from "../../../core/model/reward_model.ts";
import { RunChecksums } from "../../../core/run/run_checksums.ts";
import { shareRewardModel } from "../../../core/run/share_model.ts";
import { commands, device } from "../../_shared/device.ts";
import { rewardRows, writeRewardModel } from "../../_shared/reward_model.ts";
import { writeTinyModel } from "../../_shared/tiny_model.ts";
import { withFolder } from "../_tiny.ts";
import { withCrew } from "../cluster/_crew.ts";
import { CHATML, writeTokenizer } from "../data/_fixtures.ts";
import { configOf, withChat } from "../loop/_runs.ts";

for (const ranks of [1, 2, 3]) {
  Deno.test(`scoreTexts() on ${ranks} ranks gives, in the order of one process, what one gives`, () =>
    withFolder(async (dir) => {
      await writeTinyModel(dir);
      await writeRewardModel(dir, dir, { labels: ["a", "b", "c"], config: { pad_token_id: 0 } });
      const model = await loadRewardModel(device, dir);
      const rows = [...rewardRows(37, 0), ...rewardRows(37, 0).toReversed()];
      const scored = async (by: typeof model): Promise<unknown> => {
        const done: number[] = [];
        const scores = await scoreTexts(commands, by, { rows, batchTokens: 16, onDone: (n) => done.push(n) });
        return { scores, done };
      };
      const expected = await scored(model);
      await withCrew({ ranks, taskIds: 40 }, async ({ crew, tasks }) => {
        const shared = await shareRewardModel({ crew, checksums: await RunChecksums.open(null) }, model, { dir });
        deepEqual(await scored(shared), expected);
        ok(tasks.length > 1);
        deepEqual(await scoreTexts(commands, shared, { rows: [] }), []);
      });
      model.free();
    }));
}

const JUDGES: Record<string, { labels: Record<string, unknown>; tasks: string[] }> = {
  "reward-model": { labels: { judge: "reward-model", model: "reward" }, tasks: ["texts"] },
  // The model ends its turn at once, which is no verdict.
  self: { labels: { judge: "self", max_tokens: 4, max_invalid: 1 }, tasks: ["generate"] },
};

for (const [judge, { labels, tasks: expected }] of Object.entries(JUDGES)) {
  Deno.test(`judge ${judge} on two ranks leaves the pairs of one process`, () =>
    withChat(async (dir) => {
      await writeRewardModel(`${dir}/reward`, `${dir}/model`, { seed: 4 });
      await writeTokenizer(`${dir}/reward`, { config: { chat_template: CHATML } });
      const model = labels.model === undefined ? {} : { model: `${dir}/${labels.model}` };
      const config = await configOf(dir, { labels: { ...labels, ...model }, autotune: false });
      await runGenerate(config);
      const { path, report } = await runLabel(config);
      const alone = await Deno.readTextFile(path);
      await withCrew({ ranks: 2, isMet: true }, async ({ crew, tasks }) => {
        deepEqual((await runLabel(config, { crew, force: true })).report, report);
        deepEqual(tasks, expected);
      });
      deepEqual(await Deno.readTextFile(path), alone);
    }));
}
