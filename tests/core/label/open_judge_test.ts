/** Judges as a config names them, on the responses of a run. */
import assert from "node:assert/strict";
import { runGenerate, runLabel } from "../../../core/loop/single_stages.ts";
import { freeModel, loadFrozenModel } from "../../../core/model/model.ts";
import { planLabel } from "../../../core/plan/label_plan.ts";
import { device } from "../../_shared/device.ts";
import { startOpenAiServer } from "../../_shared/openai_server.ts";
import { writeTinyModel } from "../../_shared/tiny_model.ts";
import { readJsonLines } from "../../_shared/trajectory.ts";
import { configOf, linesOf, withChat, withInput } from "../loop/_runs.ts";

/** What stands between the markers of the default prompts. */
const part = (question: string, name: string): string =>
  question.split(`[BEGIN ${name}]\n`)[1]!.split(`\n[END ${name}]`)[0]!;

Deno.test("runLabel() lets an ensemble of judges vote, and tells how they agree", () =>
  withChat(async (dir) => {
    // The model answers nothing at all; the human answers are "ba", the references 0, 1, 2.
    await using server = startOpenAiServer({
      chat: (question) =>
        JSON.stringify({
          winner: part(question, "PROMPT").includes("hello") ? "tie" : part(question, "RESPONSE A") === "" ? "A" : "B",
        }),
    });
    await Deno.writeTextFile(
      `${dir}/verifier.ts`,
      "export default ({ response, reference }) => response === '' ? reference : 1;",
    );
    const judges = [
      { judge: "verifier", verifier: `${dir}/verifier.ts`, weight: 3 },
      { judge: "llm", base_url: server.url, server_model: "m", mode: "pairwise", weight: 2 },
      { judge: "logprob", model: `${dir}/model`, weight: 0.5 },
    ];
    const config = await configOf(dir, { labels: { judge: "ensemble", judges, margin: 0.2 } });
    await runGenerate(config);
    const plan = await planLabel(config);
    assert.deepEqual(plan.judges.map(({ name, questions }) => [name, questions]), [["verifier", null], ["llm", 6], [
      "logprob",
      null,
    ]]);
    assert.equal(server.asked.length, 0);
    const notes: string[] = [];
    const { path, report } = await runLabel(config, { onNote: (line) => notes.push(line) });
    const pairs = await readJsonLines<{ score_human: number; score_generated: number; chosen_from: string }>(path);
    // logprob prefers EOS alone. Votes: -1 0 1, then 0 1 1, then 1 1 1, of weights 3, 2, 0.5.
    const scores = [[3, 0.5], [0, 2.5], [0, 5.5]].map((row) =>
      row.map((weight) => Math.round(weight / 5.5 * 1e12) / 1e12)
    );
    assert.deepEqual(pairs.map(({ score_human, score_generated }) => [score_human, score_generated]), scores);
    assert.deepEqual(pairs.map(({ chosen_from }) => chosen_from), ["human", "generated", "generated"]);
    const logged = (await linesOf(`${dir}/run`, 0)).stages.label!;
    assert.equal(logged["labels/requests"], 6);
    assert.equal(logged["labels/order_disagreements"], 0);
    assert.equal(logged["labels/agreement/verifier+llm"], 1 / 3);
    assert.equal(report.judge["labels/agreement/llm+logprob"], 2 / 3);
    assert(
      notes.some((line) => line.startsWith("Agreement of verifier+llm: 33.3 % of 3 rows, Cohen's kappa ")),
      `${notes}`,
    );
    // What the judge reads has none of the template's special tokens.
    const { content } = server.asked[0]!.body.messages[0];
    assert.equal(part(content, "PROMPT"), "user\nhello\nassistant");
  }));

Deno.test("runLabel() asks no judge about rows whose two answers are the same", () =>
  withChat(async (dir) => {
    await using server = startOpenAiServer({ chat: () => '{"score": 5}' });
    const config = await configOf(dir, { labels: { judge: "llm", base_url: server.url, server_model: "m" } });
    const path = await runGenerate(config);
    const rows = await readJsonLines<Record<string, unknown>>(path);
    rows[1]!.response_ids = rows[1]!.generated_ids;
    await Deno.writeTextFile(path, rows.map((row) => JSON.stringify(row) + "\n").join(""));
    const { report } = await runLabel(config);
    assert.deepEqual([report.pairs, report.identical, report.ties, server.asked.length], [2, 1, 2, 4]);
  }));

Deno.test("runLabel() by the policy itself stops where it says what is no verdict", () =>
  withChat(async (dir) => {
    const config = await configOf(dir, { labels: { judge: "self", max_tokens: 3 } });
    await runGenerate(config);
    await assert.rejects(
      runLabel(config),
      /^UserError: Cannot label with judge self: the first of 6 replies holds no verdict/,
    );
    const all = await configOf(dir, { labels: { judge: "self", max_tokens: 3, max_invalid: 1 } });
    const { report } = await runLabel(all);
    assert.deepEqual([report.pairs, report.judged, report.generatedChosen, report.judge["labels/invalid"]], [
      3,
      0,
      0,
      6,
    ]);
  }));

Deno.test("an ensemble's judges score in the memory of one after the other, with the weights of all", () =>
  withInput(async (dir) => {
    // On a CPU the first has large images of few activations, and the second small ones of many.
    const wide = { num_attention_heads: 16, num_key_value_heads: 16, head_dim: 64 };
    await writeTinyModel(`${dir}/first`, { config: wide });
    await writeTinyModel(`${dir}/second`, { config: { intermediate_size: 8192 } });
    const judges = ["first", "second"].map((name) => ({ judge: "logprob", model: `${dir}/${name}` }));
    await runGenerate(await configOf(dir));
    const heldBy = async (labels: unknown): Promise<number> => {
      const config = await configOf(dir, { labels });
      await runLabel(config, { force: true });
      const lines = await readJsonLines<{ stage: string; device_bytes: number }>(`${dir}/run/timings.jsonl`);
      return lines.findLast(({ stage }) => stage === "label")!.device_bytes;
    };
    const alone = [await heldBy(judges[0]), await heldBy(judges[1])];
    const weights: number[] = [];
    for (const { model } of judges) {
      const before = device.bytes;
      const frozen = await loadFrozenModel(device, model);
      weights.push(device.bytes - before);
      freeModel(frozen);
    }
    const both = await heldBy({ judge: "ensemble", judges });
    assert.equal(both, Math.max(alone[0]! + weights[1]!, alone[1]! + weights[0]!));
  }));
