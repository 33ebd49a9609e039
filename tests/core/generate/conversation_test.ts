import { deepEqual, equal, notEqual, rejects, throws } from "node:assert/strict";
import { loadTokenizer, type Tokenizer } from "../../../core/data/tokenizer/tokenizer.ts";
import { generate } from "../../../core/generate/generate.ts";
import { type AnswerReport, Chat, type ChatOptions } from "../../../core/generate/conversation.ts";
import type { Model } from "../../../core/model/model.ts";
import { commands } from "../../_shared/device.ts";
import { withTinyModel } from "../_tiny.ts";
import { CHATML, writeTokenizer } from "../data/_fixtures.ts";

const SETTINGS = {
  temperature: 1,
  top_p: 1,
  top_k: 0,
  seed: 3,
  max_new_tokens: 10,
  kv_cache_dtype: "float32" as const,
};

interface Given {
  model: Model;
  tokenizer: Tokenizer;
  chat: (options?: Partial<ChatOptions>) => Chat;
}

/** Runs `use` with a tiny model of random words, and a tokenizer with or without a template. */
function withChat(use: (given: Given) => Promise<void>, { template = CHATML as string | null } = {}): Promise<void> {
  return withTinyModel(async ({ dir, model }) => {
    await writeTokenizer(dir, { config: template === null ? {} : { chat_template: template } });
    const tokenizer = await loadTokenizer(dir);
    const chats: Chat[] = [];
    const chat: Given["chat"] = (options = {}) => {
      const made = new Chat(commands, { model, tokenizer, settings: SETTINGS, maxLength: 256, ...options });
      chats.push(made);
      return made;
    };
    await use({ model, tokenizer, chat });
    for (const made of chats) made.free();
  }, { config: { vocab_size: 364, max_position_embeddings: 256 } });
}

async function say(chat: Chat, text: string, signal?: AbortSignal): Promise<AnswerReport & { text: string }> {
  const answer = chat.answer(text, signal ? { signal } : {});
  let said = "";
  let step = await answer.next();
  for (; !step.done; step = await answer.next()) said += step.value;
  return { ...step.value, text: said };
}

/** What the batched generator says after these ids, as answer number `row`. */
async function generated({ model, tokenizer }: Given, ids: number[], row: number): Promise<string> {
  const prompts = [{ row, promptIds: ids, maxNewTokens: SETTINGS.max_new_tokens }];
  const options = { prompts, settings: { ...SETTINGS, batch_size: 1 }, iteration: 0, eosIds: [2] };
  for await (const { ids } of generate(commands, model, options)) {
    return tokenizer.decode(ids, { skipSpecialTokens: true });
  }
  return "";
}

Deno.test("Chat answers over the template of all turns, and runs only what is new", () =>
  withChat(async (given) => {
    const { tokenizer } = given;
    const chat = given.chat({ system: "b a" });
    equal(chat.isConversation, true);
    const turns = [{ role: "system", content: "b a" }];
    const ids = (): number[] =>
      tokenizer.encode(tokenizer.renderChat(turns, { addGenerationPrompt: true }), { addSpecialTokens: false });
    let before = 0;
    for (const [row, text] of ["hello", "ab", "a ä 日"].entries()) {
      turns.push({ role: "user", content: text });
      const answer = await say(chat, text);
      equal(answer.promptTokens, ids().length);
      equal(answer.text, await generated(given, ids(), row));
      equal(answer.forgotten, 0);
      equal(answer.freshTokens <= answer.promptTokens - before, true, `${answer.freshTokens} run`);
      before = row === 0 ? answer.promptTokens : before;
      turns.push({ role: "assistant", content: answer.text });
      equal(chat.turns, 2 * row + 2);
    }
    chat.reset();
    equal(chat.turns, 0);
    turns.splice(1, Infinity, { role: "user", content: "ab" });
    equal((await say(chat, "ab")).promptTokens, ids().length);
    chat.setSystem("");
    turns.shift();
    equal((await say(chat, "ab")).promptTokens, ids().length);
  }));

Deno.test("Chat leaves out the oldest turns where the context is full, and refuses a prompt that alone does not fit", () =>
  withChat(async ({ chat: make }) => {
    const chat = make({ maxLength: 100 });
    const reports = [];
    for (let i = 0; i < 6; i++) reports.push(await say(chat, "hello hello"));
    const forgotten = reports.map((report) => report.forgotten);
    equal(forgotten[0], 0);
    equal(forgotten.some((count) => count > 0 && count % 2 === 0), true, String(forgotten));
    for (const { promptTokens } of reports) equal(promptTokens <= 90, true, "10 tokens are kept for the answer");
    const { turns } = chat;
    await rejects(
      say(chat, "é".repeat(60)),
      /^UserError: Cannot answer: the prompt has \d+ tokens, expected less than the context of 100$/,
    );
    equal(chat.turns, turns, "as if it had not been said");
    equal((await say(chat, "ab")).tokens > 0, true);
  }));

Deno.test("Chat that is stopped remembers what it has said, and nothing where that is nothing", () =>
  withChat(async ({ chat: make }) => {
    const chat = make({ settings: { ...SETTINGS, max_new_tokens: 100 } });
    const controller = new AbortController();
    const answer = chat.answer("hello", { signal: controller.signal });
    let step = await answer.next();
    controller.abort();
    while (!step.done) step = await answer.next();
    equal(step.value.end, "stopped");
    equal(step.value.tokens < 100, true);
    equal(chat.turns, 2);
    equal((await say(chat, "ab", AbortSignal.abort())).end, "stopped");
    equal(chat.turns, 2);
  }));

Deno.test("Chat without a template completes each text on its own", () =>
  withChat(async (given) => {
    const { chat: make, tokenizer } = given;
    const chat = make();
    equal(chat.isConversation, false);
    const first = await say(chat, "hello");
    const ids = tokenizer.encode("hello");
    equal(first.promptTokens, ids.length);
    const [together, alone] = [await generated(given, ids, 0), first.text];
    equal(alone.trimStart(), together.trimStart());
    equal(chat.turns, 0);
    equal((await say(chat, "hello")).promptTokens, ids.length);
    notEqual((await say(chat, "hello")).text, first.text, "another sample");
    throws(() => chat.setSystem("b"), /^UserError: Cannot use a system prompt: the tokenizer has no chat template/);
    throws(() => make({ system: "b" }), /no chat template/);
  }, { template: null }));

Deno.test("Chat passes on what a template refuses, with nothing changed", () =>
  withChat(async ({ chat: make }) => {
    const chat = make();
    await say(chat, "a");
    await rejects(say(chat, "bad"), /^UserError: Cannot render the chat template .*: no such talk/);
    deepEqual(chat.turns, 2);
    equal((await say(chat, "a")).tokens > 0, true);
  }, {
    template: `{% if messages[-1]['content'] == 'bad' %}{{ raise_exception('no such talk') }}{% endif %}${CHATML}`,
  }));

Deno.test("Chat.set() changes later answers, and a seed begins the count of answers anew", () =>
  withChat(async ({ chat: make }) => {
    const chat = make();
    const texts = [];
    for (let i = 0; i < 2; i++) {
      chat.reset();
      texts.push((await say(chat, "hello")).text);
    }
    notEqual(texts[0], texts[1], "another sample");
    chat.reset();
    chat.set({ seed: SETTINGS.seed });
    equal((await say(chat, "hello")).text, texts[0]);
    chat.set({ max_new_tokens: 3 });
    equal((await say(chat, "hello")).tokens <= 3, true);
    deepEqual(chat.settings, { ...SETTINGS, max_new_tokens: 3 });
    // Greedy answers do not depend on the count.
    chat.set({ temperature: 0 });
    const greedy = [];
    for (let i = 0; i < 2; i++) {
      chat.reset();
      greedy.push((await say(chat, "hello")).text);
    }
    equal(greedy[0], greedy[1]);
  }));
