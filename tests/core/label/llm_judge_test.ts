/** The judge behind a server: what it asks, how often, and what it makes of the replies. */
import assert from "node:assert/strict";
import type { Judge, Scores } from "../../../core/label/judge.ts";
import { DEFAULT_PROMPTS, type JudgeMode } from "../../../core/label/judge_prompt.ts";
import { ChatServer, type ChatSettings } from "../../../core/label/judge_server.ts";
import { type LlmJudge, llmJudge } from "../../../core/label/llm_judge.ts";
import { ReplyCache } from "../../../core/label/reply_cache.ts";
import { Server } from "../../../core/server/openai_client.ts";
import {
  apiError,
  type OpenAiServer,
  type OpenAiServerOptions,
  startOpenAiServer,
} from "../../_shared/openai_server.ts";
import { withFolder } from "../_tiny.ts";
import { responseRow } from "./_rows.ts";

interface Judging extends Partial<LlmJudge> {
  mode?: JudgeMode;
  maxRetries?: number;
  onNote?: (line: string) => void;
}

/** Runs `use` with a judge that asks `server`, its replies kept in `dir`. */
async function withJudge<T>(
  { server, dir }: { server: OpenAiServer; dir: string },
  { mode = "score", maxRetries = 0, onNote = () => {}, ...more }: Judging,
  use: (judge: Judge) => Promise<T>,
): Promise<T> {
  const settings: ChatSettings = { url: server.url, model: "m", mode, temperature: 0, maxTokens: 50 };
  const client = await Server.open({ url: server.url, apiKey: null, timeout: 5, maxRetries, firstPause: 1 });
  using cache = await ReplyCache.open(`${dir}/replies.jsonl`);
  return await use(llmJudge({
    server: new ChatServer(client, settings, onNote),
    settings,
    asking: { mode, template: DEFAULT_PROMPTS[mode], tokenizer: null },
    cache,
    concurrency: 4,
    maxInvalid: 0.05,
    signal: new AbortController().signal,
    ...more,
  }));
}

/** What stands between the markers of the default prompts. */
const part = (question: string, name: string): string =>
  question.split(`[BEGIN ${name}]\n`)[1]!.split(`\n[END ${name}]`)[0]!;

/** Scores by length, 1 to 10; of two, the longer one wins, and of equal ones the first. */
function byLength(question: string): string {
  if (question.includes("[BEGIN RESPONSE]")) {
    return JSON.stringify({ reason: "length", score: Math.min(10, part(question, "RESPONSE").length) });
  }
  const [a, b] = ["RESPONSE A", "RESPONSE B"].map((name) => part(question, name).length);
  return JSON.stringify({ reason: "length", winner: b! > a! ? "B" : "A" });
}

const rows = Array.from(
  { length: 30 },
  (_, i) => responseRow(i, { response: "h".repeat(1 + i % 7), generated: "g".repeat(1 + i % 5) }),
);

/** The scores of the rows and what was asked for them. */
async function judged(behaviour: OpenAiServerOptions, options: Judging = {}) {
  return await withFolder(async (dir) => {
    await using server = startOpenAiServer({ chat: byLength, ...behaviour });
    const done: number[] = [];
    const result = await withJudge({ server, dir }, options, async (judge) => ({
      scores: await judge.score(rows, (count) => done.push(count)),
      metrics: judge.metrics!(),
      notes: judge.notes!(),
    }));
    return { ...result, done, asked: server.asked, mostOpen: server.mostOpen };
  });
}

const scoreOf = (text: string): number => Math.min(10, text.length);
const EXPECTED: Scores[] = rows.map(({ response, generated }) => ({
  human: scoreOf(response),
  generated: scoreOf(generated),
}));

Deno.test("llmJudge() scores each answer, in the rows' order, and asks with the rubric, greedily and in a schema", async () => {
  const { scores, asked, metrics, done, mostOpen } = await judged({ delay: 2 });
  assert.deepEqual(scores, EXPECTED);
  const [{ body }] = asked as [typeof asked[number]];
  assert.deepEqual([body.model, body.temperature, body.max_tokens], ["m", 0, 50]);
  assert.equal(body.response_format.json_schema.strict, true);
  assert.equal(asked.length, 60);
  assert.equal(mostOpen, 4);
  assert.equal(metrics["labels/requests"], 60);
  assert.equal(
    metrics["labels/prompt_tokens"],
    asked.reduce((sum, { body }) => sum + body.messages[0].content.length, 0),
  );
  assert.equal(metrics["labels/cost"], undefined);
  assert.equal(done.at(-1), 30);
  assert.deepEqual(done, done.toSorted((a, b) => a - b));
});

Deno.test("llmJudge() gives the same whatever the concurrency", async () => {
  // Later requests are answered first.
  const slow = (delay: number) => ({ delay });
  const one = await judged(slow(0), { concurrency: 1 });
  const many = await judged(slow(3), { concurrency: 16 });
  assert.deepEqual([many.scores, many.metrics], [one.scores, one.metrics]);
});

Deno.test("llmJudge() in pairs lets an answer win only in both orders", async () => {
  const { scores, asked } = await judged({}, { mode: "pairwise" });
  scores.forEach((score, i) => {
    const { response, generated } = rows[i]!;
    const share = generated.length > response.length ? 1 : generated.length < response.length ? 0 : 0.5;
    // This judge prefers the first of two as long ones.
    assert.deepEqual(score, { human: 1 - share, generated: share, ordersDisagree: share === 0.5 });
  });
  assert.equal(asked.length, 60);
});

Deno.test("llmJudge() asks the same question once", () =>
  withFolder(async (dir) => {
    await using server = startOpenAiServer({ chat: byLength });
    const same = [0, 1, 2].map((row) => responseRow(row, { prompt: "p", generated: `${row % 2}` }));
    await withJudge({ server, dir }, {}, async (judge) => {
      const scores = await judge.score(same, () => {});
      assert.deepEqual(scores, new Array(3).fill({ human: 5, generated: 1 }));
    });
    assert.equal(server.asked.length, 3);
  }));

Deno.test("llmJudge() asks nothing that was answered before, and counts its tokens and cost all the same", () =>
  withFolder(async (dir) => {
    await using server = startOpenAiServer({ chat: byLength });
    const prices = { inputPrice: 2, outputPrice: 8 };
    const run = () =>
      withJudge(
        { server, dir },
        prices,
        async (judge) => [await judge.score(rows, () => {}), judge.metrics!()] as const,
      );
    const first = await run();
    assert.equal(server.asked.length, 60);
    assert.deepEqual(await run(), first);
    assert.equal(server.asked.length, 60);
    const [, metrics] = first;
    const { "labels/prompt_tokens": input, "labels/completion_tokens": output, "labels/cost": cost } = metrics;
    assert.equal(cost, (input! * 2 + output! * 8) / 1e6);
    // Another temperature or mode is another request.
    await withJudge({ server, dir }, { mode: "pairwise" }, (judge) => judge.score(rows.slice(0, 2), () => {}));
    assert.equal(server.asked.length, 64 - 2 * Number(rows[0]!.response === rows[0]!.generated));
  }));

Deno.test("llmJudge() does without what the server refuses, and says so once", async () => {
  const notes: string[] = [];
  const plain = await judged({ takesFormat: false, chat: (q) => `I would say.\n${byLength(q)}` }, {
    onNote: (l) => notes.push(l),
  });
  assert.deepEqual(plain.scores, EXPECTED);
  assert.equal(notes.length, 1);
  assert.match(notes[0]!, /takes no response_format: json_schema; verdicts are read from plain text$/);
  // The first few were under way together.
  assert(plain.asked.length <= 64, String(plain.asked.length));
  const limits = await judged({
    trouble: (_, { body }) =>
      "max_tokens" in body
        ? apiError(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        : "temperature" in body
        ? apiError(400, "Unsupported value: 'temperature' does not support 0 with this model.")
        : undefined,
  });
  assert.deepEqual(limits.scores, EXPECTED);
  const { body } = limits.asked.at(-1)!;
  assert.deepEqual([body.max_completion_tokens, body.temperature, typeof body.response_format], [
    50,
    undefined,
    "object",
  ]);
});

Deno.test("llmJudge() counts and shows what is no verdict, and leaves that row without one", async () => {
  const chat = (question: string) => part(question, "PROMPT") === "prompt 3" ? "I like both!" : byLength(question);
  const { scores, metrics, notes } = await judged({ chat });
  assert.deepEqual(scores, EXPECTED.map((score, i) => i === 3 ? { human: null, generated: null } : score));
  assert.equal(metrics["labels/invalid"], 2);
  assert.match(notes.at(-1)!, /^Judge llm: 2 of 60 replies hold no verdict, such as "I like both!"$/);
});

Deno.test("llmJudge() stops early with examples where too much is no verdict", async () => {
  let asked = 0;
  const chat = (question: string): string | null =>
    ++asked % 5 === 0 ? "No\x1b[2J idea" : asked % 5 === 1 ? null : byLength(question);
  await assert.rejects(judged({ chat }, { concurrency: 1 }), (error: Error) => {
    assert.equal(error.name, "UserError");
    const [line, ...examples] = error.message.split("\n");
    // 5 % of 60 are 3.
    assert.match(
      line!,
      /^Cannot label with judge llm: 4 of the first 10 replies \(60 in all\) hold no verdict, expected {"score": 1 to 10} in all but 5 % \(labels.max_invalid\)/,
    );
    assert.deepEqual(examples, ["(an answer without text)", '"No [2J idea"', "(an answer without text)"]);
    return true;
  });
  assert.equal(asked, 10);
  const { metrics } = await judged({ chat: () => "no" }, { maxInvalid: 1 });
  assert.equal(metrics["labels/invalid"], 60);
});

Deno.test("llmJudge() takes an answer that is no completion for no verdict, and does not keep it", () =>
  withFolder(async (dir) => {
    const html = () => new Response("<html>busy</html>", { headers: { "content-type": "text/html" } });
    let isBusy = true;
    await using server = startOpenAiServer({ chat: byLength, trouble: (n) => isBusy && n === 7 ? html() : undefined });
    const run = () =>
      withJudge({ server, dir }, { concurrency: 1 }, async (judge) => {
        await judge.score(rows, () => {});
        return judge.metrics!()["labels/invalid"];
      });
    assert.equal(await run(), 1);
    isBusy = false;
    assert.equal(await run(), 0);
    assert.equal(server.asked.length, 61);
  }));

for (const answer of [{ choices: [{ message: null }] }, { choices: [null] }, { choices: null }, [], 7, null]) {
  Deno.test(`llmJudge() takes ${JSON.stringify(answer)} for no verdict`, () =>
    withFolder(async (dir) => {
      const trouble: OpenAiServerOptions["trouble"] = (n) => n === 0 ? Response.json(answer) : undefined;
      await using server = startOpenAiServer({ chat: byLength, trouble });
      const scores = await withJudge({ server, dir }, { concurrency: 1 }, (judge) => judge.score(rows, () => {}));
      assert.deepEqual(scores[0], { human: null, generated: null });
      assert.equal(scores.filter(({ human }) => human === null).length, 1);
    }));
}

Deno.test("llmJudge() reads content in parts, and no 1 that may be the beginning of a 10", () =>
  withFolder(async (dir) => {
    const parts = [{ type: "thinking", thinking: "3?" }, { type: "text", text: "Score" }, null, {
      type: "text",
      text: ": 8",
    }];
    const usage = { prompt_tokens: -5, completion_tokens: 1.5 };
    const answers: Record<string, unknown>[] = [
      { message: { content: parts } },
      { message: { content: "The score is 1" }, finish_reason: "length" },
      { message: { content: "The score is 1" }, finish_reason: "stop" },
      { message: { content: [{ type: "image_url" }] } },
    ];
    const trouble: OpenAiServerOptions["trouble"] = (n) => Response.json({ choices: [answers[n]], usage });
    await using server = startOpenAiServer({ trouble });
    await withJudge({ server, dir }, { concurrency: 1, maxInvalid: 1 }, async (judge) => {
      const scores = await judge.score([responseRow(0), responseRow(1)], () => {});
      assert.deepEqual(scores, [{ human: null, generated: null }, { human: null, generated: null }]);
      const { "labels/invalid": invalid, "labels/prompt_tokens": prompt } = judge.metrics!();
      assert.deepEqual([invalid, prompt], [2, 0]);
      assert.match(
        judge.notes!()[1]!,
        /2 of 4 replies hold no verdict, such as "The score is" \(cut at max_tokens 50\)$/,
      );
    });
  }));

Deno.test("llmJudge() keeps what is answered where the server fails for good, and goes on from there", () =>
  withFolder(async (dir) => {
    let isDown = true;
    await using server = startOpenAiServer({
      chat: byLength,
      trouble: (n) => isDown && n >= 20 ? apiError(503, "down") : undefined,
    });
    const run = (): Promise<Scores[]> =>
      withJudge({ server, dir }, { maxRetries: 1 }, (judge) => judge.score(rows, () => {}));
    await assert.rejects(
      run(),
      /^UserError: Cannot label with judge llm: http:\S+ answers 503: down; what is answered is kept, and the same command goes on$/,
    );
    isDown = false;
    const before = server.asked.length;
    assert.deepEqual(await run(), EXPECTED);
    assert.equal(server.asked.length - before, 40);
  }));

Deno.test("llmJudge() sends no more when it is stopped, and keeps the answers that are under way", () =>
  withFolder(async (dir) => {
    const controller = new AbortController();
    await using server = startOpenAiServer({
      chat: (question) => {
        if (server.asked.length === 10) controller.abort();
        return byLength(question);
      },
    });
    const stop = new Error("stopped");
    const onDone = (done: number): void => {
      if (controller.signal.aborted && done < rows.length) throw stop;
    };
    await withJudge(
      { server, dir },
      { signal: controller.signal },
      (judge) => assert.rejects(judge.score(rows, onDone), stop),
    );
    const kept = (await Deno.readTextFile(`${dir}/replies.jsonl`)).split("\n").length - 1;
    assert.equal(kept, server.asked.length);
    assert(kept < 20, String(kept));
    await withJudge(
      { server, dir },
      {},
      async (judge) => assert.deepEqual(await judge.score(rows, () => {}), EXPECTED),
    );
    assert.equal(server.asked.length, 60);
  }));
