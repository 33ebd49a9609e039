import { deepEqual, equal, rejects } from "node:assert/strict";
import { loadModel } from "../../../core/model/model.ts";
import { loadRewardModel, scoreTexts } from "../../../core/model/reward_model.ts";
import { commands, device } from "../../_shared/device.ts";
import { rewardRows, writeRewardModel } from "../../_shared/reward_model.ts";
import { writeTinyModel } from "../../_shared/tiny_model.ts";
import { withFolder } from "../_tiny.ts";

Deno.test("scoreTexts() gives a row the same bits alone and among others, whatever the batches", () =>
  withFolder(async (dir) => {
    await writeTinyModel(dir);
    await writeRewardModel(dir, dir, { labels: ["a", "b", "c"], config: { pad_token_id: 0 } });
    const model = await loadRewardModel(device, dir);
    const rows = rewardRows(37, 0);
    const alone = [];
    for (const row of rows) alone.push(...await scoreTexts(commands, model, { rows: [row] }));
    const done: number[] = [];
    for (const batchTokens of [4096, 16]) {
      deepEqual(await scoreTexts(commands, model, { rows, batchTokens, onDone: (n) => done.push(n) }), alone);
    }
    equal(done.at(-1), rows.length);
    deepEqual(await scoreTexts(commands, model, { rows: [] }), []);
    // Padding at the end changes nothing.
    deepEqual(await scoreTexts(commands, model, { rows: rows.map((ids) => [...ids, 0, 0]) }), alone);
    model.free();
  }));

Deno.test("a causal model is no reward model, nor the other way round, and each error says so", () =>
  withFolder(async (dir) => {
    await writeTinyModel(`${dir}/causal`);
    await writeRewardModel(`${dir}/reward`, `${dir}/causal`);
    await rejects(
      loadRewardModel(device, `${dir}/causal`),
      /^UserError: .*"architectures" is \["LlamaForCausalLM"\], expected \["LlamaForSequenceClassification"\] as a reward model is wanted here, not a causal language model$/,
    );
    await rejects(
      loadModel(device, `${dir}/reward`),
      /expected \["LlamaForCausalLM"\] as a causal language model is wanted here, not a reward model$/,
    );
    // Without the key, the tensors tell.
    await writeTinyModel(`${dir}/unnamed`, { config: { architectures: null } });
    await rejects(
      loadRewardModel(device, `${dir}/unnamed`),
      /^UserError: Cannot load "score.weight" of a reward model from .*: it holds "lm_head.weight", a causal language model's$/,
    );
  }));

Deno.test("a reward model whose labels or tensors do not fit is refused", () =>
  withFolder(async (dir) => {
    await writeTinyModel(`${dir}/causal`);
    const refused = async (config: Record<string, unknown>, error: RegExp): Promise<void> => {
      await writeRewardModel(`${dir}/reward`, `${dir}/causal`, { labels: ["a", "b"], config });
      await rejects(loadRewardModel(device, `${dir}/reward`), error);
    };
    await refused(
      { id2label: { 0: "a" } },
      /"id2label" is .*, expected an object of the names of 2 labels, as "score.weight" has 2 rows$/,
    );
    await refused({ id2label: { 0: "a", 2: "b" } }, /"id2label"/);
    await refused({ id2label: ["a", "b"] }, /"id2label"/);
    await refused({ pad_token_id: 37 }, /"pad_token_id" is 37, expected an integer from 0 to 36$/);
    await refused({ hidden_size: 32, head_dim: 4 }, /shape is .*, expected .* from config.json$/);
    await writeRewardModel(`${dir}/reward`, `${dir}/causal`, { labels: ["a"], config: { id2label: null } });
    const model = await loadRewardModel(device, `${dir}/reward`);
    deepEqual([model.folder.labels, model.folder.padTokenId], [["LABEL_0"], null]);
    model.free();
  }));
