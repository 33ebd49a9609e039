import { deepEqual, equal, match, rejects } from "node:assert/strict";
import "../../_shared/one_device.ts";
import { loadConfig, type ResolvedConfig } from "../../../core/config/config.ts";
import { compareIterations } from "../../../core/evaluate/compare_iterations.ts";
import { compareModels, type CompareOptions } from "../../../core/evaluate/compare_models.ts";
import type { Comparison } from "../../../core/evaluate/comparison_summary.ts";
import { lengthControlled } from "../../../core/evaluate/length_control.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { startOpenAiServer } from "../../_shared/openai_server.ts";
import { writeRewardModel } from "../../_shared/reward_model.ts";
import { jsonLines, tinyRows, writeTinyModel } from "../../_shared/tiny_model.ts";
import { withFolder } from "../_tiny.ts";
import { CHATML, writeTokenizer } from "../data/_fixtures.ts";

function configOf(labels: Record<string, unknown>, keys: Record<string, unknown> = {}): Promise<ResolvedConfig> {
  return loadConfig(undefined, {
    defaults: { generation: { temperature: 0, max_new_tokens: 8 }, labels, ...keys },
  });
}

/** Two models of ids, and a reward model. */
function withIds(use: (dir: string, options: CompareOptions) => Promise<void>): Promise<void> {
  return withFolder(async (dir) => {
    await writeTinyModel(`${dir}/a`);
    await writeTinyModel(`${dir}/run/model`, { seed: 2 });
    await writeTinyModel(`${dir}/c`, { seed: 3 });
    await writeRewardModel(`${dir}/reward`, `${dir}/c`, { labels: ["good", "bad"] });
    await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(tinyRows(9)));
    await use(dir, { a: `${dir}/a`, b: `${dir}/run`, prompts: `${dir}/rows.jsonl` });
  });
}

function outcomes({ rows }: Comparison): string {
  return rows.map(({ outcome }) => outcome).join();
}

Deno.test("compareModels() turned round gives the same scores and the opposite outcomes", () =>
  withIds(async (dir, options) => {
    const config = await configOf({ judge: "reward-model", model: `${dir}/reward`, reward_label: "good" });
    const there = await compareModels(config, options);
    const back = await compareModels(config, { ...options, a: options.b, b: options.a });
    equal(there.judge, "reward-model");
    equal(there.rows.length, 9);
    const turned = { win: "loss", loss: "win", tie: "tie" } as const;
    equal(outcomes(back), there.rows.map(({ outcome }) => turned[outcome!]).join());
    deepEqual(back.rows.map(({ a }) => a), there.rows.map(({ b }) => b));
    deepEqual(back.a, there.b);
    const { wins, ties, losses } = there.result;
    deepEqual([back.result.losses, back.result.ties, back.result.wins], [wins, ties, losses]);
    equal(wins + losses > 0 && wins + ties + losses === 9, true);
    equal(there.b.model, `${dir}/run/model`);
    // Answers of ids have no text: their lengths are those of their tokens.
    const preferences = { win: 1, tie: 0.5, loss: 0 };
    const rows = there.rows.map(({ a, b, outcome }) => ({
      preference: preferences[outcome!],
      difference: b.tokens - a.tokens,
    }));
    deepEqual(there.lengthControlled, lengthControlled(rows));
    const scores = there.rows.map(({ b }) => b.score!);
    assertClose(there.b.score!, scores.reduce((x, y) => x + y) / 9, { rtol: 1e-12 });
    // Above a margin that no difference reaches, all are ties.
    const wide = await compareModels(
      await configOf({ judge: "reward-model", model: `${dir}/reward`, reward_label: 0, margin: 1e6 }),
      options,
    );
    equal(wide.result.ties, 9);
    equal(wide.winnerTokens, null);
  }));

Deno.test("compareModels() of a model with itself is all ties, at any temperature", () =>
  withIds(async (_dir, { a, prompts }) => {
    const generation = { temperature: 1, max_new_tokens: 8, seed: 5 };
    const config = await configOf({ judge: "logprob", model: a }, { generation });
    const { result, rows } = await compareModels(config, { a, b: a, prompts, limit: 4 });
    deepEqual([result.ties, rows.length], [4, 4]);
    deepEqual(rows.map((row) => row.a), rows.map((row) => row.b));
  }));

Deno.test("compareModels() with a model's own log-probability prefers its greedy answers", () =>
  withIds(async (_dir, options) => {
    const { result, a, b } = await compareModels(await configOf({ judge: "logprob", model: options.a }), options);
    equal(result.losses > 6, true, JSON.stringify(result));
    equal(a.score! > b.score!, true);
  }));

Deno.test("compareModels() of models with different tokenizers lets each read the prompt its own way", () =>
  withFolder(async (dir) => {
    for (const [name, template] of [["a", CHATML], ["b", undefined]] as const) {
      await writeTinyModel(`${dir}/${name}`, { config: { vocab_size: 364, max_position_embeddings: 128 } });
      await writeTokenizer(`${dir}/${name}`, { config: template ? { chat_template: template } : {} });
    }
    // Another file of the same tokens.
    const other = JSON.parse(await Deno.readTextFile(`${dir}/b/tokenizer.json`));
    await Deno.writeTextFile(`${dir}/b/tokenizer.json`, JSON.stringify({ ...other, version: "1.0 " }));
    await Deno.writeTextFile(
      `${dir}/verifier.ts`,
      `export default ({ prompt, response }) => prompt.length * 1000 + response.length;`,
    );
    const rows = ["hello", "ab"].map((prompt, i) => ({ prompt, response: "b", reference: i }));
    await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines([...rows, { prompt: "é".repeat(100), response: "b" }]));
    const notes: string[] = [];
    const config = await configOf({ judge: "verifier", verifier: `${dir}/verifier.ts` });
    const options = { a: `${dir}/a`, b: `${dir}/b`, prompts: `${dir}/rows.jsonl` };
    const comparison = await compareModels(config, options, { onNote: (line) => notes.push(line) });
    deepEqual(comparison.rows.map(({ prompt }) => prompt), ["hello", "ab"]);
    for (const { prompt, a, b } of comparison.rows) {
      deepEqual([a.score, b.score], [a, b].map(({ text }) => prompt.length * 1000 + text.length));
    }
    deepEqual(notes.map((line) => line.replaceAll(dir, "")), [
      "A: /rows.jsonl: 1 of 3 rows dropped, as the prompt alone reaches max_length 128",
      "B: /rows.jsonl: 1 of 3 rows dropped, as the prompt alone reaches max_length 128",
    ]);
    // B's ids are others than A's, so that a judge of ids gets A's of the same text.
    const logprob = await compareModels(await configOf({ judge: "logprob", model: `${dir}/a` }), options);
    equal(logprob.result.losses + logprob.result.ties + logprob.result.wins, 2);
    await rejects(
      compareModels(config, options, { allowVerifier: false }),
      /^UserError: Cannot run verifier .*: --no-verifier forbids it, and judge is verifier$/,
    );
  }));

Deno.test("compareModels() keeps a server's replies in output_dir, else nothing, and needs no model of the config", () =>
  withIds(async (dir, options) => {
    await using server = startOpenAiServer({ chat: () => '{"score": 3}' });
    const keys = { output_dir: `${dir}/out`, model: `${dir}/nowhere` };
    const local = await configOf({ judge: "logprob", model: options.a }, keys);
    await compareModels(local, { ...options, limit: 1 });
    await rejects(Deno.stat(`${dir}/out`), Deno.errors.NotFound);
    const judges = [{ judge: "llm", base_url: server.url, server_model: "m" }];
    const asking = await configOf({ judge: "ensemble", judges }, keys);
    equal((await compareModels(asking, { ...options, limit: 2 })).result.ties, 2);
    deepEqual([...Deno.readDirSync(`${dir}/out`)].map(({ name }) => name).sort(), [".lock", "judge_replies.jsonl"]);
  }));

Deno.test("compareModels() refuses judges human and self, one without its model, and rows that fit into neither", () =>
  withIds(async (_dir, options) => {
    for (
      const [labels, message] of [
        [{ judge: "human" }, /^Cannot compare with judge human, the one where none is named: /],
        [{ judge: "self" }, /^Cannot compare with judge self: A would judge its own answers/],
        [{ judge: "ensemble", judges: [{ judge: "self" }] }, /^Cannot compare with judge self: /],
        [{ judge: "logprob" }, /^Cannot run compare: "labels.model", which judge logprob needs, is not set/],
      ] as const
    ) {
      const refused = await configOf(labels);
      await rejects(compareModels(refused, options), ({ name, message: text }: Error) => {
        match(text, message);
        return name === "UserError";
      });
    }
    const config = await configOf({ judge: "logprob", model: options.a }, { data: { max_length: 2 } });
    await rejects(compareModels(config, options), /^UserError: Cannot use the data: none of 9 rows is left /);
  }));

Deno.test("compareModels() finds what keeps a judge from judging before a model answers", () =>
  withIds(async (dir, options) => {
    await Deno.writeTextFile(`${dir}/verifier.ts`, "export default 3;");
    await Deno.writeTextFile(`${dir}/prompt.txt`, "Which is better?");
    for (
      const [labels, message] of [
        [
          { judge: "reward-model", model: `${dir}/c` },
          /expected \["LlamaForSequenceClassification"\] as a reward model/,
        ],
        [{ judge: "verifier", verifier: `${dir}/verifier.ts` }, /verifier\.ts/],
        [{ judge: "llm", server_model: "m", prompt: `${dir}/prompt.txt` }, /prompt\.txt/],
        [
          { judge: "llm", server_model: "m", api_key_file: `${dir}/none` },
          /Cannot read the API key in \S+none: there is no/,
        ],
      ] as const
    ) {
      const stages: string[] = [];
      const config = await configOf(labels, { output_dir: `${dir}/out` });
      const onProgress = ({ stage }: { stage: string }): unknown => stages.push(stage);
      await rejects(compareModels(config, options, { onProgress }), { name: "UserError", message });
      const iterations = {
        ...options,
        a: options.a,
        b: `${dir}/runs`,
        iterations: "all",
        output: `${dir}/rates`,
      } as const;
      await Deno.mkdir(`${dir}/runs/iteration-0`, { recursive: true });
      await Deno.symlink(`${dir}/c`, `${dir}/runs/iteration-0/model`).catch(() => {});
      await rejects(compareIterations(config, iterations, { onProgress }), { name: "UserError", message });
      deepEqual(stages, [], String(message));
    }
  }));
