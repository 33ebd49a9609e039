import { deepEqual, equal, rejects } from "node:assert/strict";
import { readRows } from "../../../core/data/read_rows.ts";
import { parquetPath } from "./_fixtures.ts";
import { fields, read } from "./_read_row.ts";

const shapeOf = async (row: unknown): Promise<string> => (await read(row)).shape;
const user = { role: "user", content: "2+2?" };
const four = { role: "assistant", content: "4" };
const five = { role: "assistant", content: "5" };
const say = (from: string, value: string): Record<string, string> => ({ from, value });
const system = { role: "system", content: "Add." };

Deno.test("readRows() tells whose shape rows have", async () => {
  equal(await shapeOf({ prompt: "2+2?", prompt_id: "x", messages: [user, four] }), "UltraChat's: messages");
  equal(await shapeOf({ messages: [user, four] }), "OpenAI's: messages");
  const ultra = {
    prompt: "2+2?",
    prompt_id: "x",
    chosen: [user, four],
    rejected: [user, five],
    messages: [user, four],
  };
  equal(await shapeOf({ ...ultra, score_chosen: 8, score_rejected: 3 }), "UltraFeedback's: chosen, rejected");
  equal(await shapeOf({ chosen: [user, four], rejected: [user, five] }), "TRL's preference: chosen, rejected");
  equal(await shapeOf({ prompt: "a", chosen: "b", rejected: "c" }), "TRL's preference: chosen, rejected, prompt");
  equal(await shapeOf({ instruction: "i", input: "", output: "o" }), "Alpaca's: instruction, output, input");
  equal(
    await shapeOf({ conversations: [{ from: "human", value: "a" }, { from: "gpt", value: "b" }] }),
    "ShareGPT's: conversations",
  );
  equal(await shapeOf({ question: "q", answer: "a #### 4" }), "GSM8K's: question, answer");
  equal(await shapeOf({ real: [user, four], generated: [user, five] }), "SPIN's: real, generated");
  equal(await shapeOf({ prompt: "a", completion: "b" }), "TRL's prompt-completion: prompt, completion");
  equal(await shapeOf({ prompt: "a", response: "b" }), "plain: prompt, response");
  equal(await shapeOf({ text: "a ".repeat(17) }), "plain text's: text");
  const { shapes } = await readRows(parquetPath("zstd"));
  deepEqual(shapes, [{ owner: "UltraChat's", columns: ["messages"], rows: 12 }]);
});

Deno.test("readRows() reads each shape's rows", async () => {
  const chat = { kind: "chat", prompt: [user], response: [four] };
  deepEqual(await fields({ prompt: "2+2?", prompt_id: "x", messages: [user, four] }), chat);
  deepEqual(await fields({ prompt: [user], completion: [four] }), chat);
  deepEqual(await fields({ prompt: "a", completion: " b" }), { kind: "text", prompt: "a", response: " b" });
  const turns = [{ from: "system", value: "Add." }, { from: "human", value: "2+2?" }, { from: "gpt", value: "4" }];
  deepEqual(await fields({ conversations: turns }), { ...chat, prompt: [system, user] });
  deepEqual(await fields({ conversations: [user, four] }), chat);
  deepEqual(await fields({ conversations: turns.slice(1), system: "Add." }), { ...chat, prompt: [system, user] });
  const pair = { kind: "chat_pair", prompt: [user], chosen: [four], rejected: [five] };
  deepEqual(await fields({ real: [user, four], generated: [user, five] }), pair);
  deepEqual(
    await fields({ prompt: "2+2?", chosen: [user, four], rejected: [user, five], messages: [user, four] }),
    pair,
  );
  deepEqual(await fields({ question: "q", answer: "2+2=<<2+2=4>>4\n#### 1,004 \n" }), {
    kind: "text",
    prompt: "q",
    response: "2+2=<<2+2=4>>4\n#### 1,004 \n",
    reference: "1,004",
  });
  equal((await fields({ question: "q", answer: "4", reference: 5 })).reference, 5);
});

Deno.test("readRows() makes a plain text's first words the prompt, and loses none of it", async () => {
  deepEqual(await fields({ text: " Once  upon\na time." }, { promptWords: 3 }), {
    kind: "text",
    prompt: " Once  upon\na",
    response: " time.",
  });
  await rejects(fields({ text: "a b c " }, { promptWords: 3 }), /"text" has 3 words, expected more than the 3 of its/);
  await rejects(fields({ text: "a b c" }), /"text" has 3 words, expected more than the 16 of its prompt/);
});

Deno.test("readRows() takes from texts without a prompt what TRL's extract_prompt takes", async () => {
  const sides = async (chosen: string, rejected: string): Promise<unknown[]> => {
    const { prompt, chosen: better, rejected: worse } = await fields({ chosen, rejected });
    return [prompt, better, worse];
  };
  // The first two from TRL's documentation of extract_prompt; a space before the difference goes to the sides.
  deepEqual(await sides("The sky is blue.", "The sky is green."), ["The sky is", " blue.", " green."]);
  deepEqual(await sides("Human: a\n\nAssistant: b", "Human: a\n\nAssistant: c"), [
    "Human: a\n\nAssistant:",
    " b",
    " c",
  ]);
  deepEqual(await sides("abc", "abd"), ["ab", "c", "d"]);
  // No difference: the shorter one's last character stays.
  deepEqual(await sides("ab c", "ab c"), ["ab ", "c", "c"]);
  deepEqual(await sides("ab", "abc"), ["a", "b", "bc"]);
  deepEqual(await sides("a\u{1f600}", "a\u{1f601}"), ["a", "\u{1f600}", "\u{1f601}"]);
  await rejects(sides("x", "y"), /"chosen" and "rejected" begin differently, expected "prompt"$/);
});

Deno.test("readRows() maps columns, and names those that are there where one is missing", async () => {
  const row = { question: "2+2?", "Best Answer": "4", wrong: "5", hint: "Add.", final: 4 };
  const text = { kind: "text", prompt: "2+2?", response: "4" };
  deepEqual(await fields(row, { columns: { prompt: "question", response: "Best Answer" } }), text);
  deepEqual(await fields(row, { columns: { prompt: "question", response: "Best Answer", reference: "final" } }), {
    ...text,
    reference: 4,
  });
  deepEqual(await fields(row, { columns: { prompt: "question", chosen: "Best Answer", rejected: "wrong" } }), {
    kind: "text_pair",
    prompt: "2+2?",
    chosen: "4",
    rejected: "5",
  });
  deepEqual(await fields({ turns: [user, four] }, { columns: { messages: "turns" } }), {
    kind: "chat",
    prompt: [user],
    response: [four],
  });
  // A column that has a form's name already is not taken for it.
  deepEqual(await fields({ prompt: "no", ...row }, { columns: { prompt: "question", response: "Best Answer" } }), text);
  await rejects(
    read(row, { columns: { prompt: "Question", response: "Best Answer" } }),
    /rows\.jsonl:1: there is no column "Question" \(data\.columns\.prompt\), expected one of "question", "Best Answer", "wrong", "hint", "final"$/,
  );
  await rejects(
    readRows(parquetPath("none"), { columns: { prompt: "Prompt" } }),
    /none\.parquet, row 0: there is no column "Prompt" .+ expected one of "prompt", "prompt_id", "messages", "reference", "maybe", "nothing", "ids", "score"$/,
  );
});

Deno.test("readRows() refuses a row that fits two shapes, until the config names its columns", async () => {
  const row = { prompt: "a", response: "b", messages: [user, four], other: 1 };
  await rejects(
    read(row),
    /the row fits both \{prompt, response\} and \{messages\}, expected one .+ its columns are "prompt", "response", "messages", "other"$/,
  );
  equal((await fields(row, { columns: { messages: "messages" } })).kind, "chat");
  equal((await fields(row, { columns: { response: "response" } })).kind, "text");
});

Deno.test("readRows() adds a system turn where a conversation begins with none, and makes text into conversations", async () => {
  const options = { systemPrompt: "Add." };
  const chat = { kind: "chat", prompt: [system, user], response: [four] };
  deepEqual(await fields({ messages: [user, four] }, options), chat);
  const other = { role: "system", content: "Other." };
  deepEqual(await fields({ messages: [other, user, four] }, options), { ...chat, prompt: [other, user] });
  deepEqual(await fields({ messages: [user, four], system: "Other." }, options), { ...chat, prompt: [other, user] });
  deepEqual(await fields({ prompt: "2+2?", response: "4" }, { ...options, conversational: true }), chat);
  deepEqual(await fields({ prompt: "2+2?", chosen: "4", rejected: "5" }, { conversational: true }), {
    kind: "chat_pair",
    prompt: [user],
    chosen: [four],
    rejected: [five],
  });
  const mapped = { columns: { prompt: "q", response: "a", system: "s" } };
  deepEqual(await fields({ q: "2+2?", a: "4", s: "Add." }, { ...mapped, conversational: true }), chat);
  await rejects(read({ q: "2+2?", a: "4", s: "Add." }, mapped), /"system" is set, expected it of a conversation alone/);
  await rejects(
    read({ prompt: "a", response: "b" }, options),
    /data\.system_prompt is set, and no row is a conversation/,
  );
});

Deno.test("readRows() reads LLaMA-Factory's preference rows, and chosen_messages with rejected_messages", async () => {
  const pair = { kind: "chat_pair", prompt: [user], chosen: [four], rejected: [five] };
  const row = { conversations: [say("human", "2+2?")], chosen: say("gpt", "4"), rejected: say("gpt", "5") };
  deepEqual(await fields(row), pair);
  equal(await shapeOf(row), "LLaMA-Factory's preference: conversations, chosen, rejected");
  deepEqual(await fields({ ...row, system: "Add." }), { ...pair, prompt: [system, user] });
  deepEqual(await fields({ ...row, chosen: [say("gpt", "4")], rejected: "5" }), pair);
  // Sides that begin with the prompt, and OpenAI's form.
  deepEqual(await fields({ ...row, chosen: [user, four], rejected: [user, five] }), pair);
  deepEqual(await fields({ messages: [user], chosen: four, rejected: five }), pair);
  deepEqual(await fields({ prompt: [user], chosen: four, rejected: five }), pair);
  const sides = { chosen_messages: [user, four], rejected_messages: [user, five] };
  deepEqual(await fields(sides), pair);
  deepEqual(await fields({ prompt: [user], chosen_messages: [four], rejected_messages: [five] }), pair);
  equal(await shapeOf(sides), "TRL's preference: chosen_messages, rejected_messages");
  await rejects(read({ ...row, rejected: { from: "gpt" } }), {
    message: /"rejected.value" is missing, expected a string/,
  });
});

Deno.test("readRows() keeps a turn that calls tools, parts, empty turns and the row's variables", async () => {
  const call = { role: "assistant", content: null, tool_calls: [{ function: { name: "f", arguments: {} } }] };
  const { content: _, ...bare } = call;
  const parts = { role: "user", content: [{ type: "text", text: "2+2?" }] };
  const empty = { role: "system", content: "" };
  for (const answer of [call, bare]) {
    deepEqual(await fields({ messages: [empty, parts, answer] }), {
      kind: "chat",
      prompt: [empty, parts],
      response: [answer],
    });
  }
  const tools = [{ type: "function" }];
  const variables = { tools, chat_template_kwargs: { enable_thinking: false } };
  const chat = { kind: "chat", prompt: [user], response: [four] };
  const { row, shape } = await read({ messages: [user, four], ...variables, id: 1 });
  deepEqual([row.variables, row.extra], [variables, { id: 1 }]);
  equal(shape, "OpenAI's: messages, tools, chat_template_kwargs");
  deepEqual(await fields({ messages: [user, four], tools: JSON.stringify(tools) }), { ...chat, variables: { tools } });
  for (const none of [null, "", " ", "null"]) deepEqual(await fields({ messages: [user, four], tools: none }), chat);
  // Text has no template, unless it becomes a conversation.
  deepEqual((await read({ prompt: "2+2?", response: "4", tools: 1 })).row.extra, { tools: 1 });
  const made = await fields({ prompt: "2+2?", response: "4", tools }, { conversational: true });
  deepEqual(made, { ...chat, variables: { tools } });
  const mapped = await fields({ messages: [user, four], functions: tools }, { columns: { tools: "functions" } });
  deepEqual(mapped, { ...chat, variables: { tools } });
});

Deno.test("readRows() tells the shape of rows that data.columns maps, with the columns' own names", async () => {
  const { shape } = await read({ q: "a", a: "b", id: 1 }, { columns: { prompt: "q", response: "a" } });
  equal(shape, "plain: prompt = q, response = a");
  const alpaca = { instruction: "i", answer: "o", ref: 4 };
  equal(
    (await read(alpaca, { columns: { output: "answer", reference: "ref" } })).shape,
    "Alpaca's: instruction, output = answer, reference = ref",
  );
});

Deno.test("readRows() takes a pair's prompt from its instruction or question, not from what the answers share", async () => {
  const sides = { chosen: "The cat", rejected: "The dog" };
  const pair = (prompt: string): unknown => ({ kind: "text_pair", prompt, ...sides });
  deepEqual(await fields({ instruction: "Name one", ...sides }), pair("Name one"));
  deepEqual(await fields({ instruction: "Name one", input: "A pet", ...sides }), pair("Name one\n\nA pet"));
  const template = "{instruction}: {input}=";
  deepEqual(
    await fields({ instruction: "Name one", input: "A pet", ...sides }, { template }),
    pair("Name one: A pet="),
  );
  deepEqual(await fields({ system: "s", question: "Name one", ...sides }), pair("Name one"));
  deepEqual(await fields({ prompt: "p", instruction: "Name one", question: "q", ...sides }), pair("p"));
  equal(
    await shapeOf({ instruction: "i", input: "", ...sides }),
    "LLaMA-Factory's preference: instruction, chosen, rejected, input",
  );
  equal(await shapeOf({ question: "q", ...sides }), "Orca's preference: question, chosen, rejected");
  const turns = (content: string): unknown => [{ role: "user", content: "u" }, { role: "assistant", content }];
  const chat = { question: "q", chosen: turns("a"), rejected: turns("b") };
  equal((await fields(chat)).kind, "chat_pair");
});
