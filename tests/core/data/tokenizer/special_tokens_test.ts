import { deepEqual, equal, rejects } from "node:assert/strict";
import { loadTokenizer, type Tokenizer } from "../../../../core/data/tokenizer/tokenizer.ts";
import { memoryFiles } from "../../../../core/files/model_files.ts";
import goldens from "./goldens/special_tokens.json" with { type: "json" };

const TOKENIZERS: Record<string, unknown> = goldens.tokenizers;
const PRINTED = "{{ bos_token }}|{{ eos_token }}|{{ unk_token }}|{{ pad_token }}";

/** The tokenizer of a folder with these files beside the tokenizer.json of that name. */
function load(name: string, files: Record<string, unknown>): Promise<Tokenizer> {
  const all = { "tokenizer.json": TOKENIZERS[name], ...files };
  return loadTokenizer(
    memoryFiles({
      "chat_template.jinja": PRINTED,
      ...Object.fromEntries(Object.entries(all).map(([file, content]) => [file, JSON.stringify(content)])),
    }, { name: "dir" }),
  );
}

for (const { name, tokenizer: json, files, tokens, eos_token_id, ids, texts } of goldens.cases) {
  Deno.test(`loadTokenizer() finds the special tokens of transformers: ${name}`, async () => {
    const tokenizer = await load(json, files);
    equal(tokenizer.eosToken, tokens.eos_token);
    equal(tokenizer.eosId, eos_token_id);
    const printed = tokenizer.renderChat([], { addGenerationPrompt: false });
    // A default that is no token of the vocabulary would get an id that the model has not.
    const known = [tokens.bos_token, tokens.eos_token, tokens.unk_token, tokens.pad_token]
      .map((token) => token !== null && ["<unk>", "<|padding|>"].includes(token) ? "" : token ?? "");
    equal(printed, known.join("|"));
    // transformers builds Llama's tokenizer anew, without the tokenizer.json's own pre-tokenizer.
    if (name.includes("Llama")) return;
    deepEqual(goldens.texts.map((text) => tokenizer.encode(text, { addSpecialTokens: false })), ids);
    deepEqual(ids.map((each) => tokenizer.decode(each, { skipSpecialTokens: true })), texts);
  });
}

Deno.test("loadTokenizer() takes the model's eos_token_id where no file names the token", async () => {
  const plain = { "tokenizer_config.json": { tokenizer_class: "PreTrainedTokenizerFast" } };
  const end = async (files: Record<string, unknown>): Promise<unknown[]> => {
    const { eosToken, eosId } = await load("base", { ...plain, ...files });
    return [eosToken, eosId];
  };
  deepEqual(await end({}), [null, null]);
  deepEqual(await end({ "config.json": { eos_token_id: 257 } }), ["</s>", 257]);
  deepEqual(await end({ "config.json": { eos_token_id: [258, 257] } }), ["<|endoftext|>", 258]);
  deepEqual(await end({ "config.json": {}, "generation_config.json": { eos_token_id: 257 } }), ["</s>", 257]);
  deepEqual(await end({ "config.json": { eos_token_id: 9999 } }), [null, null]);
  const named = { "tokenizer_config.json": { eos_token: "</s>" }, "config.json": { eos_token_id: 258 } };
  deepEqual(await end(named), ["</s>", 257]);
});

Deno.test("loadTokenizer() names a special token that no file can mean", async () => {
  const fails = (files: Record<string, unknown>, message: string): Promise<void> =>
    rejects(load("base", files), { name: "UserError", message });
  await fails(
    { "special_tokens_map.json": { eos_token: "<end>" } },
    'Cannot use "eos_token" of dir/special_tokens_map.json: "<end>" is no token of tokenizer.json',
  );
  await fails(
    { "added_tokens.json": { "<extra>": 300 } },
    'Cannot use the tokenizer dir: added_tokens.json gives "<extra>" the id 300, expected 259 from tokenizer.json',
  );
  await fails(
    { "tokenizer_config.json": { added_tokens_decoder: { 5: { content: "</s>" } } } },
    'Cannot use the tokenizer dir: added_tokens_decoder of tokenizer_config.json gives "</s>" the id 5, ' +
      "expected 257 from tokenizer.json",
  );
  await fails(
    { "tokenizer_config.json": { added_tokens_decoder: { 5: "x" } } },
    'Cannot use the tokenizer dir: added_tokens_decoder of tokenizer_config.json: "5" is the string "x", ' +
      'expected a record with the text in "content"',
  );
  await fails(
    { "special_tokens_map.json": { pad_token: 3 } },
    'Cannot use the tokenizer dir: "pad_token" is 3, expected text, or a record with the text in "content"',
  );
  await fails(
    { "tokenizer_config.json": { split_special_tokens: true } },
    'Cannot use the tokenizer dir: tokenizer_config.json has true in "split_special_tokens", with which special ' +
      "tokens in a text are read as letters; this is not supported, expected false",
  );
});

Deno.test("loadTokenizer() takes as many special tokens as a file names, in time", async () => {
  const texts = Array.from({ length: 60_000 }, (_, i) => `<${i}>`);
  const decoder = Object.fromEntries(texts.map((content, i) => [259 + i, { content, special: true }]));
  const start = performance.now();
  const tokenizer = await load("base", {
    "tokenizer_config.json": { added_tokens_decoder: decoder, extra_special_tokens: texts.slice(0, 30_000) },
  });
  deepEqual(tokenizer.encode("<0><59999>", { addSpecialTokens: false }), [259, 259 + 59_999]);
  equal(performance.now() - start < 10_000, true, `${performance.now() - start} ms`);
});
