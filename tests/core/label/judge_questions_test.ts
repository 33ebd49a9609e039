import assert from "node:assert/strict";
import { questionsOf, rowVerdict, withoutSpecialTokens } from "../../../core/label/judge_questions.ts";
import { CHATML, smallTokenizer } from "../data/_fixtures.ts";
import { responseRow } from "./_rows.ts";

Deno.test("questionsOf() asks of each answer alone, or of both in both orders", () => {
  const row = responseRow(0, { reference: { answer: 4 } });
  const score = { mode: "score", template: "{prompt}|{response}|{reference}", tokenizer: null } as const;
  assert.deepEqual(questionsOf(row, score), ['prompt 0|human|{"answer":4}', 'prompt 0|generated|{"answer":4}']);
  const pairwise = { mode: "pairwise", template: "{prompt}|{response_a}|{response_b}", tokenizer: null } as const;
  assert.deepEqual(questionsOf(row, pairwise), ["prompt 0|human|generated", "prompt 0|generated|human"]);
  assert.deepEqual(questionsOf(responseRow(1, { generated: "human" }), pairwise), []);
});

Deno.test("questionsOf() shows texts without special tokens, and others as they are", async () => {
  const tokenizer = await smallTokenizer({ chat_template: CHATML });
  const prompt = tokenizer.renderChat([{ role: "user", content: "hello  ab" }], { addGenerationPrompt: true });
  const row = responseRow(0, { prompt, response: "ab<|im_end|>", generated: " b  a " });
  const asking = { mode: "score", template: "{prompt}|{response}", tokenizer } as const;
  assert.deepEqual(questionsOf(row, asking), ["user\nhello  ab\nassistant|ab", "user\nhello  ab\nassistant| b  a "]);
  assert.equal(withoutSpecialTokens("a < b <b>", tokenizer), "a < b <b>");
});

Deno.test("rowVerdict() gives the scores of both answers, and none where one cannot be read", () => {
  assert.deepEqual(rowVerdict(['{"score": 3}', "Score: 8"], "score"), { human: 3, generated: 8 });
  assert.deepEqual(rowVerdict(['{"score": 3}', "no"], "score"), { human: null, generated: null });
  assert.deepEqual(rowVerdict([null, "no"], "score"), { human: null, generated: null });
});

Deno.test("rowVerdict() lets an answer win where it wins in both orders, and all else is a tie", () => {
  // A is the human answer in the first reply, and the generated one in the second.
  const cases: [string, string, number, boolean][] = [
    ["B", "A", 1, false],
    ["A", "B", 0, false],
    ["tie", "tie", 0.5, false],
    ["A", "A", 0.5, true],
    ["B", "B", 0.5, true],
    ["B", "tie", 0.5, true],
    ["tie", "B", 0.5, true],
  ];
  for (const [first, second, generated, ordersDisagree] of cases) {
    const replies = [first, second].map((winner) => JSON.stringify({ winner }));
    assert.deepEqual(rowVerdict(replies, "pairwise"), {
      human: 1 - generated,
      generated,
      ordersDisagree,
    }, `${first} ${second}`);
  }
  assert.deepEqual(rowVerdict([], "pairwise"), { human: 0.5, generated: 0.5, ordersDisagree: false });
  assert.equal(rowVerdict(["[[A]]", "?"], "pairwise").human, null);
});
