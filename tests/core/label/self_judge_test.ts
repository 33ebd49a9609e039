import assert from "node:assert/strict";
import type { GenerationConfig } from "../../../core/config/config_types.ts";
import { loadTokenizer } from "../../../core/data/tokenizer/tokenizer.ts";
import { DEFAULT_PROMPTS, type JudgeMode } from "../../../core/label/judge_prompt.ts";
import { questionsOf } from "../../../core/label/judge_questions.ts";
import { selfJudge } from "../../../core/label/self_judge.ts";
import { commands } from "../../_shared/device.ts";
import { withTinyModel } from "../_tiny.ts";
import { CHATML, writeTokenizer } from "../data/_fixtures.ts";
import { responseRow } from "./_rows.ts";

const GENERATION: GenerationConfig = {
  temperature: 1,
  top_p: 1,
  top_k: 0,
  max_new_tokens: 9,
  batch_size: 4,
  seed: 0,
  kv_cache_dtype: "float32",
};
const rows = [responseRow(0), responseRow(1, { generated: "human" }), responseRow(2)];

/** Judges the rows by a model that says one character, whatever it is asked. */
function judged(says: string, mode: JudgeMode, { chat = true, maxInvalid = 0.05 } = {}) {
  // The small tokenizer's ids: 4 special tokens, 256 bytes, ▁, then printable ASCII.
  const id = 4 + 256 + 1 + says.charCodeAt(0) - 33;
  const change = (name: string, values: Float32Array): void => {
    if (name.includes("norm") || name.includes("embed_tokens")) values.fill(1);
    if (name.includes("o_proj") || name.includes("down_proj") || name.includes("lm_head")) values.fill(0);
    if (name.includes("lm_head")) values.fill(1, id * 16, (id + 1) * 16);
  };
  return withTinyModel(async ({ dir, model }) => {
    await writeTokenizer(dir, chat ? { config: { chat_template: CHATML } } : {});
    const tokenizer = await loadTokenizer(dir);
    const asking = { mode, template: DEFAULT_PROMPTS[mode], tokenizer };
    const judge = selfJudge(commands, { model, tokenizer, asking, generation: GENERATION, maxTokens: 1, maxInvalid });
    const done: number[] = [];
    const scores = await judge.score(rows, (count) => done.push(count));
    const questions = [...new Set(rows.flatMap((row) => questionsOf(row, asking)))];
    return { scores, done, metrics: judge.metrics!(), notes: judge.notes!(), questions, tokenizer };
  }, { config: { vocab_size: 400 }, change });
}

Deno.test("selfJudge() has the policy score each answer greedily, asked by its chat template", async () => {
  const { scores, done, metrics, questions, tokenizer } = await judged("7", "score");
  assert.deepEqual(scores, new Array(3).fill({ human: 7, generated: 7 }));
  assert.equal(done.at(-1), 3);
  // Row 1 has one text twice.
  assert.equal(questions.length, 5);
  const turns = questions.map((content) =>
    tokenizer.renderChat([{ role: "user", content }], { addGenerationPrompt: true })
  );
  const tokens = turns.map((turn) => tokenizer.encode(turn, { addSpecialTokens: false }).length);
  assert.deepEqual(metrics, {
    "labels/requests": 5,
    "labels/invalid": 0,
    "labels/prompt_tokens": tokens.reduce((a, b) => a + b, 0),
    "labels/completion_tokens": 5,
  });
});

Deno.test("selfJudge() without a chat template asks with the text alone, and in pairs in both orders", async () => {
  const { scores, metrics, questions, tokenizer } = await judged("A", "pairwise", { chat: false });
  const tie = (ordersDisagree: boolean) => ({ human: 0.5, generated: 0.5, ordersDisagree });
  assert.deepEqual(scores, [tie(true), tie(false), tie(true)]);
  const tokens = questions.map((text) => tokenizer.encode(text).length);
  assert.equal(metrics["labels/prompt_tokens"], tokens.reduce((a, b) => a + b, 0));
});

Deno.test("selfJudge() stops with examples where the policy says what is no verdict, or counts it", async () => {
  await assert.rejects(
    judged("x", "score"),
    /^UserError: Cannot label with judge self: the first of 5 replies holds no verdict.*\n"x" \(cut at max_tokens 1\)$/,
  );
  const { scores, metrics, notes } = await judged("x", "score", { maxInvalid: 1 });
  assert.deepEqual(scores, new Array(3).fill({ human: null, generated: null }));
  assert.equal(metrics["labels/invalid"], 5);
  assert.deepEqual(notes, ['Judge self: 5 of 5 replies hold no verdict, such as "x" (cut at max_tokens 1)']);
});
