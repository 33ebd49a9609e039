import { deepEqual, equal, throws } from "node:assert/strict";
import { templateTail } from "../../../core/data/encode_row.ts";
import type { DataRow } from "../../../core/data/parse_row.ts";
import type { DataFields } from "../../../core/data/row_shapes.ts";
import { tokenizeExamples, type TokenizeOptions, tokenizePairs } from "../../../core/data/tokenize_rows.ts";
import { loadTokenizer } from "../../../core/data/tokenizer/tokenizer.ts";
import { bpeTokenizer, CHATML, smallTokenizer, withFolder, writeTokenizer } from "./_fixtures.ts";

const plain = await smallTokenizer();
const chat = await smallTokenizer({ chat_template: CHATML });
const bare = await smallTokenizer({ eos_token: null });
const options: TokenizeOptions = { tokenizer: plain, vocabSize: plain.vocabSize, maxLength: null };
const EOS = 2;

/** Rows of a file rows.jsonl. */
function rows(...fields: DataFields[]): DataRow[] {
  return fields.map((field, row) => ({ ...field, row, where: `rows.jsonl:${row + 1}`, extra: {} }));
}

const ids = (promptIds: number[], responseIds: number[]): DataFields => ({ kind: "ids", promptIds, responseIds });
const noDrops = { promptTooLong: 0, emptyResponse: 0, cut: 0, merged: 0, firstMerged: null };

Deno.test("tokenizeExamples() takes the answer's ids from the joint text, and appends EOS once", () => {
  const { examples, report } = tokenizeExamples(
    rows(
      { kind: "text", prompt: "a:", response: " hello" },
      { kind: "text", prompt: "a:", response: " hello<|im_end|>" },
    ),
    options,
  );
  const prompt = plain.encode("a:");
  equal(prompt[0], plain.bosId);
  const hello = plain.encode("a: hello").slice(prompt.length);
  for (const example of examples) {
    deepEqual([example.promptIds, example.responseIds], [prompt, [...hello, EOS]]);
    equal(example.conversational, false);
  }
  equal(hello.length, 1);
  deepEqual(examples.map(({ prompt, response }) => [prompt, response]), [["a:", " hello"], ["a:", " hello<|im_end|>"]]);
  deepEqual(report, { rows: 2, kept: 2, ...noDrops });
});

Deno.test("tokenizeExamples() leaves plain text plain where the tokenizer has a chat template", () => {
  const row = rows({ kind: "text", prompt: "a", response: "b" });
  const withTemplate = tokenizeExamples(row, { ...options, tokenizer: chat });
  deepEqual(withTemplate, tokenizeExamples(row, options));
});

Deno.test("tokenizeExamples() refuses plain text that it cannot end with an EOS", async () => {
  const row = rows({ kind: "text", prompt: "x", response: "y" });
  const at = "Cannot tokenize rows.jsonl:1 (row 0): ";
  throws(() => tokenizeExamples(row, { ...options, tokenizer: bare }), {
    name: "UserError",
    message: `${at}the tokenizer names no end-of-sequence token, with which a response to plain text ends, expected ` +
      '"eos_token" in tokenizer_config.json or "eos_token_id" in config.json',
  });
  // A normalized token is looked for with the space that is put before a text, which it has not within one.
  const json = bpeTokenizer();
  const added = (json.added_tokens as { content: string }[]).map((token) => ({ ...token, normalized: true }));
  await withFolder(async (dir) => {
    await writeTokenizer(dir, { json: { ...json, added_tokens: added } });
    const tokenizer = await loadTokenizer(dir);
    throws(() => tokenizeExamples(row, { ...options, tokenizer }), {
      name: "UserError",
      message:
        /^Cannot tokenize rows\.jsonl:1 \(row 0\): the end-of-sequence token "<\|im_end\|>" after a text is read /,
    });
  });
});

// "hell" is one token, and so is "hello": the joint text has no boundary after the prompt.
const text = (ids: number[]): string => plain.decode(ids, { skipSpecialTokens: true });
const MERGING = { prompt: "hell", response: "o ab" };

Deno.test("tokenizeExamples() gives prompt and answer the ids of their own where a token would reach over the border", () => {
  const { examples, report } = tokenizeExamples(rows({ kind: "text", ...MERGING }), options);
  deepEqual(report, { rows: 1, kept: 1, ...noDrops, merged: 1, firstMerged: "rows.jsonl:1" });
  const { promptIds, responseIds } = examples[0]!;
  deepEqual(promptIds, plain.encode("hell"));
  // "o", "▁", "ab" and EOS, without the space that the tokenizer writes before a text's first word.
  const [, , newline, ...own] = plain.encode("\no ab<|im_end|>");
  deepEqual([newline, plain.decode([newline!])], [4 + 10, "\n"]);
  deepEqual(responseIds, own);
  equal(text([...promptIds, ...responseIds]), "hello ab");
});

Deno.test("tokenizeExamples() takes the joint ids and TRL's mask for supervised fine-tuning", () => {
  const { examples, report } = tokenizeExamples(rows({ kind: "text", ...MERGING }), { ...options, joint: true });
  deepEqual(report, { rows: 1, kept: 1, ...noDrops, merged: 1, firstMerged: "rows.jsonl:1" });
  const joint = plain.encode("hello ab<|im_end|>");
  const border = plain.encode("hell").length;
  deepEqual(examples[0]!.promptIds, joint.slice(0, border));
  deepEqual(examples[0]!.responseIds, joint.slice(border));
});

Deno.test("tokenizePairs() gives both answers the same prompt ids, whichever of them merges", () => {
  const pair = { kind: "text_pair", prompt: "hell", chosen: "o ab", rejected: " ab" } as const;
  const { pairs, report } = tokenizePairs(rows(pair, { ...pair, chosen: " ab", rejected: "o ab" }), options);
  deepEqual(report, { rows: 2, kept: 2, ...noDrops, merged: 2, firstMerged: "rows.jsonl:1" });
  for (const { promptIds, chosen, chosenIds, rejected, rejectedIds } of pairs) {
    deepEqual(promptIds, plain.encode("hell"));
    equal(text([...promptIds, ...chosenIds]), `hell${chosen}`);
    equal(text([...promptIds, ...rejectedIds]), `hell${rejected}`);
  }
});

Deno.test("tokenizePairs() refuses a template that writes the prompt differently before a response", async () => {
  const thinking = "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}. That was all.{% endfor %}" +
    "{% if add_generation_prompt %}[assistant]<think>{% endif %}";
  const tokenizer = await smallTokenizer({ chat_template: thinking });
  const user = { role: "user", content: "2+2?" };
  const four = { role: "assistant", content: "4" };
  const row = rows({ kind: "chat_pair", prompt: [user], chosen: [four], rejected: [{ ...four, content: "5" }] });
  throws(() => tokenizePairs(row, { ...options, tokenizer }), {
    name: "UserError",
    message:
      "Cannot tokenize rows.jsonl:1 (row 0): the chat template writes the prompt differently before a response: " +
      'its text ends with "er]2+2?. That was all.[assistant]<think>", and with the response it goes on otherwise after 36 ' +
      "characters, expected the same text",
  });
  // Supervised fine-tuning needs no prompt of its own, and takes what TRL takes.
  const { examples } = tokenizeExamples(row, { ...options, tokenizer, joint: true });
  equal(examples.length, 1);
});

Deno.test("tokenizeExamples() renders conversations, and what the template writes at the end counts", () => {
  const user = { role: "user", content: "2+2?" };
  const four = { role: "assistant", content: "4" };
  const { examples } = tokenizeExamples(rows({ kind: "chat", prompt: [user], response: [four] }), {
    ...options,
    tokenizer: chat,
  });
  const prompt = "<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n";
  const whole = chat.encode(`${prompt}4<|im_end|>\n`, { addSpecialTokens: false });
  const { promptIds, responseIds, ...example } = examples[0]!;
  deepEqual(promptIds, chat.encode(prompt, { addSpecialTokens: false }));
  deepEqual([...promptIds, ...responseIds], whole);
  deepEqual(responseIds.slice(responseIds.indexOf(EOS)), [EOS, ...templateTail(chat, EOS)]);
  deepEqual(example, {
    row: 0,
    where: "rows.jsonl:1",
    prompt,
    response: "4",
    conversational: true,
    messages: [user],
  });
  throws(() => tokenizeExamples(rows({ kind: "chat", prompt: [user], response: [four] }), options), {
    name: "UserError",
    message: /^Cannot tokenize rows\.jsonl:1 \(row 0\): Cannot render a conversation: .+ has no "chat_template"$/,
  });
});

Deno.test("templateTail() is what follows EOS at the end of an assistant's turn", () => {
  const tail = templateTail(chat, EOS);
  equal(chat.decode(tail), "\n");
  deepEqual(templateTail(chat, 0), []);
  deepEqual(templateTail(chat, 3), []);
  deepEqual(templateTail(plain, EOS), []);
});

Deno.test("tokenizeExamples() cuts the answer at maxLength and drops prompts that alone reach it", () => {
  const { examples, report } = tokenizeExamples(
    rows(ids([1, 2], [3, 4, 5]), ids([1, 2, 3], [4, 5]), ids([1, 2, 3, 4], [5]), ids([1], [2, 3])),
    { tokenizer: null, vocabSize: 6, maxLength: 4 },
  );
  deepEqual(examples.map(({ row, promptIds, responseIds }) => [row, promptIds, responseIds]), [
    [0, [1, 2], [3, 4]],
    [1, [1, 2, 3], [4]],
    [3, [1], [2, 3]],
  ]);
  deepEqual(report, { rows: 4, kept: 3, ...noDrops, promptTooLong: 1, cut: 2 });
});

Deno.test("tokenizePairs() cuts each side by itself and keeps the prompt", () => {
  const { pairs, report } = tokenizePairs(
    rows({ kind: "ids_pair", promptIds: [1, 2], chosenIds: [3], rejectedIds: [3, 4, 5] }),
    { tokenizer: null, vocabSize: 6, maxLength: 4 },
  );
  deepEqual(pairs, [{
    row: 0,
    where: "rows.jsonl:1",
    prompt: "",
    promptIds: [1, 2],
    conversational: false,
    chosen: "",
    chosenIds: [3],
    rejected: "",
    rejectedIds: [3, 4],
  }]);
  deepEqual(report, { rows: 1, kept: 1, ...noDrops, cut: 1 });
});

Deno.test("tokenizePairs() reads text and conversations like tokenizeExamples()", () => {
  const user = { role: "user", content: "a" };
  const turn = (content: string) => ({ role: "assistant", content });
  const [pair, chatPair] = tokenizePairs(
    rows(
      { kind: "text_pair", prompt: "a", chosen: " hello", rejected: "b" },
      { kind: "chat_pair", prompt: [user], chosen: [turn("x")], rejected: [turn("y")] },
    ),
    { ...options, tokenizer: chat },
  ).pairs;
  const examples = tokenizeExamples(
    rows(
      { kind: "text", prompt: "a", response: " hello" },
      { kind: "text", prompt: "a", response: "b" },
      { kind: "chat", prompt: [user], response: [turn("x")] },
      { kind: "chat", prompt: [user], response: [turn("y")] },
    ),
    { ...options, tokenizer: chat },
  ).examples;
  deepEqual([pair!.chosenIds, pair!.rejectedIds], [examples[0]!.responseIds, examples[1]!.responseIds]);
  deepEqual([chatPair!.chosenIds, chatPair!.rejectedIds], [examples[2]!.responseIds, examples[3]!.responseIds]);
  deepEqual([chatPair!.promptIds, chatPair!.chosen], [examples[2]!.promptIds, "x"]);
});

Deno.test("tokenizeExamples() takes a pair's chosen side, and tokenizePairs() refuses a row with one answer", () => {
  const { examples } = tokenizeExamples(
    rows({ kind: "ids_pair", promptIds: [1], chosenIds: [2], rejectedIds: [999] }),
    { tokenizer: null, vocabSize: 6, maxLength: null },
  );
  deepEqual(examples[0]!.responseIds, [2]);
  throws(() => tokenizePairs(rows(ids([1], [2])), options), {
    name: "UserError",
    message: "Cannot tokenize rows.jsonl:1 (row 0): the row has one response, expected chosen and rejected",
  });
});

Deno.test("tokenizeExamples() passes texts and reference of id rows, or decodes the ids", () => {
  const [row] = rows(ids(plain.encode("ab"), plain.encode("hello", { addSpecialTokens: false })));
  const [decoded] = tokenizeExamples([{ ...row!, reference: 7 }], options).examples;
  deepEqual([decoded!.prompt, decoded!.response, decoded!.reference], ["ab", " hello", 7]);
  const [given] = tokenizeExamples([{ ...row!, extra: { prompt: "P", response: "R" } }], options).examples;
  deepEqual([given!.prompt, given!.response], ["P", "R"]);
});

Deno.test("tokenizeExamples() names row and id of an id beyond the vocabulary", () => {
  throws(
    () => tokenizeExamples(rows(ids([1], [2]), ids([1], [2, 6])), { tokenizer: null, vocabSize: 6, maxLength: null }),
    {
      name: "UserError",
      message: "Cannot tokenize rows.jsonl:2 (row 1): token id 6 is beyond the vocabulary, expected 0 to 5",
    },
  );
});

Deno.test("tokenizeExamples() says what a text row needs", () => {
  throws(() => tokenizeExamples(rows({ kind: "text", prompt: "a", response: "b" }), { ...options, tokenizer: null }), {
    name: "UserError",
    message: "Cannot tokenize rows.jsonl:1 (row 0): the row is text, and the model has no tokenizer.json",
  });
  const empty = { kind: "chat", prompt: [{ role: "user", content: "" }], response: [] } as const;
  const silent = { ...chat, renderChat: () => "" };
  throws(() => tokenizeExamples(rows({ ...empty, prompt: [], response: [] }), { ...options, tokenizer: silent }), {
    name: "UserError",
    message: "Cannot tokenize rows.jsonl:1 (row 0): the prompt has no tokens, expected at least one",
  });
});

Deno.test("tokenizeExamples() says why nothing is left", () => {
  throws(
    () =>
      tokenizeExamples(rows(ids([1, 2], [3]), ids([1, 2, 3], [3])), { tokenizer: null, vocabSize: 6, maxLength: 2 }),
    {
      name: "UserError",
      message: "Cannot use the data: none of 2 rows is left (dropped: 2 with a prompt that alone reaches max_length 2)",
    },
  );
  throws(() => tokenizeExamples(rows(ids([1], [])), options), {
    name: "UserError",
    message: "Cannot use the data: none of 1 rows is left (dropped: 1 with an empty response)",
  });
});
