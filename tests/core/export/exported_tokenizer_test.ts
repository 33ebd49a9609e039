import assert from "node:assert/strict";
import type { ModelFolder } from "../../../core/checkpoint/model_folder.ts";
import { BYTE_LETTERS } from "../../../core/data/tokenizer/byte_letters.ts";
import { exportedTokenizer } from "../../../core/export/exported_tokenizer.ts";
import { memoryFiles } from "../../../core/files/model_files.ts";
import { type Case, refuseAll } from "../../_shared/refusal.ts";
import { bpeTokenizer, CHATML } from "../data/_fixtures.ts";

type Json = Record<string, unknown>;

/** A tokenizer's files, and what the model's config says. */
interface Source {
  json: Json;
  config?: Json;
  model?: { size?: number; eos?: number[]; bos?: number };
}

/** The metadata as an object, the lists as they are. */
async function exported(
  { json, config = {}, model: { size = 400, eos = [], bos } = {} }: Source,
  pre?: string,
): Promise<{ metadata: Record<string, unknown>; notes: readonly string[] }> {
  const files = memoryFiles({
    "tokenizer.json": JSON.stringify(json),
    "tokenizer_config.json": JSON.stringify(config),
  });
  const raw = bos === undefined ? {} : { bos_token_id: bos };
  const folder = { dir: "memory", files, config: { vocabSize: size, raw }, eosTokenIds: eos } as unknown as ModelFolder;
  const { metadata, notes } = await exportedTokenizer(folder, { pre });
  return {
    metadata: Object.fromEntries(metadata.map(([key, value]) => [key, Object.values(value)[0]])),
    notes,
  };
}

const LLAMA3 = String
  .raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const QWEN2 = LLAMA3.replace("{1,3}", "");
const letters = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };
const cut = (Regex: string): Json => ({
  type: "Sequence",
  pretokenizers: [{ type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false }, letters],
});

/** A byte-level tokenizer with two merges; tokens 258 `<|end|>` and 260 `<tool>`, no 259. */
function byteTokenizer({ model = {}, ...keys }: Json = {}): Json {
  const tokens = [...BYTE_LETTERS, "Ġa", "Ġab", "<|end|>"];
  const vocab = Object.fromEntries([...tokens.map((token, id) => [token, id]), ["<tool>", 260]]);
  return {
    added_tokens: [
      { id: 258, content: "<|end|>", special: true, normalized: false },
      { id: 260, content: "<tool>", special: false, normalized: false },
    ],
    normalizer: null,
    pre_tokenizer: { ...letters, use_regex: true },
    post_processor: null,
    decoder: { type: "ByteLevel" },
    model: { type: "BPE", vocab, merges: ["Ġ a", ["Ġa", "b"]], ...model as Json },
    ...keys,
  };
}

const ends = { eos_token: "<|end|>" };

Deno.test("byte-level BPE has letters, merges, types of tokens, and unused ones for the embedding's other rows", async () => {
  const { metadata, notes } = await exported({
    json: byteTokenizer(),
    config: { ...ends, pad_token: "<|end|>", chat_template: CHATML },
    model: { size: 263, bos: 7 },
  });
  const { "tokenizer.ggml.tokens": tokens, "tokenizer.ggml.token_type": types, ...others } = metadata;
  assert.deepEqual((tokens as string[]).slice(0, 256), BYTE_LETTERS);
  assert.deepEqual((tokens as string[]).slice(256), [
    "Ġa",
    "Ġab",
    "<|end|>",
    "[PAD259]",
    "<tool>",
    "[PAD261]",
    "[PAD262]",
  ]);
  assert.deepEqual((types as number[]).slice(255), [1, 1, 1, 3, 5, 4, 5, 5]);
  assert.deepEqual(others, {
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "gpt-2",
    "tokenizer.ggml.merges": ["Ġ a", "Ġa b"],
    "tokenizer.ggml.bos_token_id": 7,
    "tokenizer.ggml.eos_token_id": 258,
    "tokenizer.ggml.padding_token_id": 258,
    "tokenizer.ggml.add_bos_token": false,
    "tokenizer.ggml.add_eos_token": false,
    "tokenizer.chat_template": CHATML,
  });
  assert.deepEqual(notes, []);
});

Deno.test("SentencePiece's BPE has the order of its merges as scores", async () => {
  const json = bpeTokenizer();
  const { metadata } = await exported({
    json,
    config: { bos_token: "<s>", eos_token: "<|im_end|>" },
    model: { size: 366 },
  });
  const tokens = metadata["tokenizer.ggml.tokens"] as string[];
  const at = (key: string): Record<string, number> =>
    Object.fromEntries((metadata[`tokenizer.ggml.${key}`] as number[]).map((value, id) => [tokens[id]!, value]));
  const [types, scores] = [at("token_type"), at("scores")];
  assert.deepEqual(
    ["<unk>", "<s>", "<0x0A>", "▁", "hello", "[PAD365]"].map((token) => types[token]),
    [2, 3, 6, 1, 1, 5],
  );
  const merged = ["ll", "ell", "hell", "hello", "▁hello", "▁▁", "ab", "abab", "ba"];
  assert.deepEqual(merged.map((token) => scores[token]), merged.map((_, rank) => 0 - rank));
  assert.deepEqual([scores.a, scores["<s>"]], [-9, 0]);
  assert.deepEqual(
    ["model", "pre", "add_space_prefix", "bos_token_id", "eos_token_id", "unknown_token_id", "add_bos_token"].map((
      key,
    ) => metadata[`tokenizer.ggml.${key}`]),
    ["llama", "default", true, 1, 2, 0, true],
  );
});

Deno.test("the pre-tokenizer is named by what it is made of, or by the user", async () => {
  const cases: [string, Json][] = [
    ["llama-bpe", { pre_tokenizer: cut(LLAMA3), model: { ignore_merges: true } }],
    ["smaug-bpe", { pre_tokenizer: cut(LLAMA3) }],
    ["qwen2", { pre_tokenizer: cut(QWEN2), normalizer: { type: "NFC" } }],
    ["smollm", {
      pre_tokenizer: {
        type: "Sequence",
        pretokenizers: [{ type: "Digits", individual_digits: true }, { ...letters, use_regex: true }],
      },
    }],
  ];
  for (const [name, keys] of cases) {
    const { metadata, notes } = await exported({ json: byteTokenizer(keys), config: ends });
    assert.equal(metadata["tokenizer.ggml.pre"], name);
    assert.deepEqual(
      notes,
      name === "qwen2" ? ["llama.cpp does not compose characters (NFC) as this tokenizer does"] : [],
    );
  }
  const json = byteTokenizer({ pre_tokenizer: cut(String.raw`\p{L}+|\P{L}`) });
  assert.equal((await exported({ json, config: ends }, "mine")).metadata["tokenizer.ggml.pre"], "mine");
});

Deno.test("tokens that end an answer: the tokenizer's first, those that llama.cpp knows left out, two more", async () => {
  const added = ["<a>", "<b>", "<c>", "<|im_end|>"].map((content, i) => ({ id: 261 + i, content, special: true }));
  const json = byteTokenizer();
  (json.added_tokens as Json[]).push(...added);
  for (const { content, id } of added) (json.model as { vocab: Json }).vocab[content] = id;
  const keys = ["eos", "eot", "eom"].map((name) => `tokenizer.ggml.${name}_token_id`);
  const found = async (eos: number[], config: Json = ends): Promise<unknown[]> => {
    const { metadata } = await exported({ json, config, model: { eos } });
    return keys.map((key) => metadata[key]);
  };
  assert.deepEqual(await found([]), [258, undefined, undefined]);
  assert.deepEqual(await found([262]), [262, undefined, undefined]);
  assert.deepEqual(await found([261, 258, 264]), [258, 261, undefined]);
  assert.deepEqual(await found([261, 258, 262]), [258, 261, 262]);
  await assert.rejects(
    found([261, 258, 262, 263]),
    /4 tokens end an answer \(261, 258, 262, 263\), expected at most 3/,
  );
  await assert.rejects(found([], {}), /no token ends an answer, expected an eos_token or eos_token_id$/);
});

Deno.test("what llama.cpp does otherwise is said", async () => {
  const spaces = { ...bpeTokenizer(), normalizer: null };
  const config = { bos_token: "<s>", eos_token: "<|im_end|>" };
  const metaspace = (prepend_scheme: string): Json => ({
    ...spaces,
    pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme, split: false },
  });
  const note = async (json: Json, other: Json = config): Promise<readonly string[]> =>
    (await exported({ json, config: other })).notes;
  assert.deepEqual(await note(metaspace("never")), []);
  assert.match((await note(metaspace("first")))[0]!, /^llama\.cpp writes a space before a text that follows a special/);
  assert.match((await note(metaspace("always")))[0]!, /^llama\.cpp writes a space before a text that begins with a/);
  const strips = byteTokenizer();
  (strips.added_tokens as Json[])[0]!.rstrip = true;
  assert.match(
    (await note(strips, ends))[0]!,
    /^llama\.cpp reads no rstrip of added tokens, such as that of "<\|end\|>"/,
  );
  const template = "{{ bos_token }}{% for message in messages %}{{ message.content }}{% endfor %}";
  assert.match(
    (await note(byteTokenizer(), { ...ends, chat_template: template }))[0]!,
    /template writes bos_token, which/,
  );
});

/** The tokenizer of pieces with other merges or tokens. */
function pieces({ merges, tokens = [], ...keys }: { merges?: string[]; tokens?: string[] } & Json): Json {
  const json = bpeTokenizer();
  const model = json.model as { vocab: Record<string, number>; merges: string[] };
  for (const [i, token] of tokens.entries()) model.vocab[token] = 370 + i;
  return { ...json, ...keys, model: { ...model, ...merges && { merges } } };
}

Deno.test("a tokenizer that llama.cpp cannot have is one line that names why", async () => {
  const config = { bos_token: "<s>", eos_token: "<|im_end|>" };
  const template = (...single: Json[]): Json => ({
    type: "TemplateProcessing",
    single,
    pair: [],
    special_tokens: { "<s>": { id: "<s>", ids: [1], tokens: ["<s>"] }, "<|im_end|>": { ids: [2, 2] } },
  });
  const text = { Sequence: { id: "A", type_id: 0 } };
  const special = (id: string): Json => ({ SpecialToken: { id, type_id: 0 } });
  const cases: Case<Source>[] = [
    [
      "another model",
      { json: { ...byteTokenizer(), added_tokens: [], model: { type: "WordLevel", vocab: { a: 0 }, unk_token: "a" } } },
      /"model\.type" is WordLevel, expected BPE$/,
    ],
    [
      "a pre-tokenizer without a name",
      { json: byteTokenizer({ pre_tokenizer: cut("a") }), config: ends },
      /llama\.cpp has no name for its pre_tokenizer \(Split "a", ByteLevel\), expected .*, or --pre/,
    ],
    ["ignore_merges of another", {
      json: byteTokenizer({ pre_tokenizer: cut(QWEN2), model: { ignore_merges: true } }),
      config: ends,
    }, /ByteLevel, with ignore_merges\)/],
    ["a space before a text", {
      json: byteTokenizer({ pre_tokenizer: { ...letters, add_prefix_space: true } }),
      config: ends,
    }, /\(ByteLevel with add_prefix_space\)/],
    [
      "a normalizer",
      { json: byteTokenizer({ normalizer: { type: "Lowercase" } }), config: ends },
      /"normalizer" is Lowercase, which llama\.cpp has not/,
    ],
    [
      "a prefix within words",
      { json: byteTokenizer({ model: { end_of_word_suffix: "</w>" } }), config: ends },
      /"model\.end_of_word_suffix" is "<\/w>", expected null/,
    ],
    ["an unknown token", {
      json: byteTokenizer({ added_tokens: [], model: { vocab: { a: 0 }, merges: [], unk_token: "a" } }),
      config: {},
    }, /"model\.unk_token" is "a" and byte 0 is no token/],
    [
      "too many tokens",
      { json: byteTokenizer(), config: ends, model: { size: 259 } },
      /token "<tool>" has the id 260, expected less than vocab_size of config\.json, 259$/,
    ],
    [
      "merges of a token apart",
      { json: pieces({ merges: ["l l", "e ll", "e l", "el l"], tokens: ["el"] }), config },
      /the merges of token "ell" do not stand together/,
    ],
    [
      "a merge that is missing",
      { json: pieces({ tokens: ["xy"] }), config },
      /no merge makes token "xy" of "x" and "y", which llama\.cpp would join$/,
    ],
    ["a space within a token", {
      json: pieces({
        normalizer: null,
        pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
      }),
      config,
    }, /token "▁▁" has a space within and its pre_tokenizer cuts there/],
    [
      "other normalizers",
      { json: pieces({ normalizer: { type: "NFKC" } }), config },
      /its normalizer and pre_tokenizer are NFKC, expected Prepend and Replace, or a Metaspace/,
    ],
    ["two tokens before a text", {
      json: pieces({ post_processor: template(special("<s>"), special("<s>"), text) }),
      config,
    }, /its post_processor writes the tokens 1, 1 before a text, expected only bos_token \(1\)$/],
    [
      "two tokens after a text",
      { json: pieces({ post_processor: template(text, special("<|im_end|>")) }), config },
      /writes the tokens 2, 2 after a text, expected only eos_token \(2\)$/,
    ],
  ];
  await refuseAll(cases, (source) => exported(source));
  await exported({ json: pieces({}), config });
  const broken = pieces({});
  delete (broken.model as { vocab: Json }).vocab["<0x0A>"];
  await assert.rejects(exported({ json: broken, config }), /byte 10 is no token, expected <0x00> to <0xFF>/);
});
