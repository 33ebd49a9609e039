import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import fc from "fast-check";
import { loadTokenizer } from "../../../../core/data/tokenizer/tokenizer.ts";
import { UserError } from "../../../../core/error.ts";
import { bpeTokenizer, smallTokenizer, withFolder, writeTokenizer } from "../_fixtures.ts";

Deno.test("loadTokenizer() encodes with and without special tokens, and decodes", async () => {
  const tokenizer = await smallTokenizer();
  const hello = tokenizer.encode(" hello", { addSpecialTokens: false });
  deepEqual(tokenizer.encode(" hello"), [1, ...hello]);
  equal(hello.length, 2);
  equal(tokenizer.decode(hello), " hello");
  equal(tokenizer.decode([1, ...hello, 2]), "<s>  hello<|im_end|>");
  equal(tokenizer.decode([1, ...hello, 2], { skipSpecialTokens: true }), " hello");
  equal(tokenizer.decode(tokenizer.encode("é😀\n", { addSpecialTokens: false })), "é😀\n");
});

Deno.test("loadTokenizer() reads the special tokens, as strings and as objects", async () => {
  const tokenizer = await smallTokenizer();
  deepEqual([tokenizer.bosId, tokenizer.eosToken, tokenizer.eosId], [1, "<|im_end|>", 2]);
  equal(tokenizer.vocabSize, 4 + 256 + 95 + 9);
  equal(tokenizer.hasChatTemplate, false);
  const bare = await smallTokenizer({ bos_token: null, eos_token: null });
  deepEqual([bare.bosId, bare.eosToken, bare.eosId], [null, null, null]);
});

Deno.test("decode() takes no ids, and leaves out ids without a token", async () => {
  const tokenizer = await smallTokenizer();
  equal(tokenizer.decode([]), "");
  equal(tokenizer.decode([tokenizer.vocabSize, 10_000_000]), "");
  const [id] = tokenizer.encode("x", { addSpecialTokens: false }).slice(-1);
  equal(tokenizer.decode([tokenizer.vocabSize, id!]), "x");
});

Deno.test("decode() leaves the spaces of an answer as they are", async () => {
  const tokenizer = await smallTokenizer({ clean_up_tokenization_spaces: true });
  equal(tokenizer.decode(tokenizer.encode("it 's , so", { addSpecialTokens: false })), "it 's , so");
});

Deno.test("encode() leaves out characters that the vocabulary lacks where there is no unknown token", async () => {
  const json = bpeTokenizer();
  const model = { ...json.model as object, unk_token: null, byte_fallback: false, fuse_unk: false };
  await withFolder(async (dir) => {
    await writeTokenizer(dir, { json: { ...json, model } });
    const tokenizer = await loadTokenizer(dir);
    equal(tokenizer.decode(tokenizer.encode("aéb", { addSpecialTokens: false })), "ab");
  });
});

/** Merges the whole text at once: the pair of the least rank, the leftmost of several, again and again. */
function mergedWhole(text: string, { vocab, merges }: { vocab: Record<string, number>; merges: string[] }): number[] {
  const bytes = (char: string): string[] =>
    [...new TextEncoder().encode(char)].map((byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
  const symbols = [...`▁${text.replaceAll(" ", "▁")}`].flatMap((char) =>
    Object.hasOwn(vocab, char) ? char : bytes(char)
  );
  for (;;) {
    let [least, at] = [Infinity, -1];
    for (let i = 0; i + 1 < symbols.length; i++) {
      const rank = merges.indexOf(`${symbols[i]} ${symbols[i + 1]}`);
      if (rank >= 0 && rank < least) [least, at] = [rank, i];
    }
    if (at < 0) return symbols.map((symbol) => vocab[symbol]!);
    symbols.splice(at, 2, symbols[at]! + symbols[at + 1]!);
  }
}

Deno.test("encode() cuts long text only where that changes nothing", async () => {
  const json = bpeTokenizer();
  const model = json.model as { vocab: Record<string, number>; merges: string[] };
  const part = fc.constantFrom("a", "b", "ab", " ", "  ", "hello", "hell", " hello", "\n", "é", "😀", "<s", "ba");
  const text = fc.array(part, { minLength: 1, maxLength: 60, size: "max" }).map((parts) => parts.join(""));
  await withFolder(async (dir) => {
    await writeTokenizer(dir, { json: { ...json, added_tokens: [] }, config: { bos_token: null, eos_token: null } });
    const tokenizer = await loadTokenizer(dir);
    fc.assert(
      fc.property(
        text,
        (text) => deepEqual(tokenizer.encode(text, { addSpecialTokens: false }), mergedWhole(text, model)),
      ),
      { numRuns: 150 },
    );
  });
});

Deno.test("loadTokenizer() takes a vocabulary of 200,000 tokens", async () => {
  const json = bpeTokenizer();
  const model = json.model as { vocab: Record<string, number> };
  const count = Object.keys(model.vocab).length;
  const vocab = { ...model.vocab };
  for (let id = count; id < 200_000; id++) vocab[`▁word ${id}`] = id;
  await withFolder(async (dir) => {
    await writeTokenizer(dir, { json: { ...json, model: { ...model, vocab } } });
    const tokenizer = await loadTokenizer(dir);
    equal(tokenizer.vocabSize, 200_000);
    deepEqual(tokenizer.encode(" hello"), (await smallTokenizer()).encode(" hello"));
  });
});

Deno.test("encode() takes a text of a megabyte", async () => {
  const tokenizer = await smallTokenizer();
  const text = "hello ab hell, o. ".repeat(60_000);
  const ids = tokenizer.encode(text, { addSpecialTokens: false });
  equal(tokenizer.decode(ids), text);
});

Deno.test("loadTokenizer() names a file that is missing or broken", async () => {
  await withFolder(async (dir) => {
    const fails = (message: string) => rejects(loadTokenizer(dir), { name: "UserError", message });
    await fails(`Cannot read ${dir}/tokenizer.json: there is no such file`);
    await Deno.writeTextFile(`${dir}/tokenizer.json`, "{}");
    await fails(`Cannot load the tokenizer ${dir}/tokenizer.json: "model" is not an object`);
    await Deno.writeTextFile(`${dir}/tokenizer_config.json`, "{}");
    await Deno.writeTextFile(`${dir}/tokenizer.json`, "[]");
    await fails(`Cannot read ${dir}/tokenizer.json: it is [], expected a JSON object`);
    await Deno.writeTextFile(`${dir}/tokenizer.json`, "{");
    await rejects(loadTokenizer(dir), /^UserError: Cannot read .+\/tokenizer\.json: it is not JSON \(.+\)$/);
    await Deno.writeTextFile(`${dir}/tokenizer.json`, "{}");
    await fails(`Cannot load the tokenizer ${dir}/tokenizer.json: "model" is not an object`);
    await writeTokenizer(dir, { json: { ...bpeTokenizer(), model: { type: "BPE", vocab: { a: 4e9 }, merges: [] } } });
    await fails(
      `Cannot load the tokenizer ${dir}/tokenizer.json: a token id is 4000000000, expected an integer from 0 to 16777215`,
    );
    await writeTokenizer(dir, { config: { eos_token: "</s>" } });
    await fails(`Cannot use "eos_token" of ${dir}/tokenizer_config.json: "</s>" is no token of tokenizer.json`);
  });
});

Deno.test("loadTokenizer() throws nothing but UserErrors at mutated files", async () => {
  const text = JSON.stringify(bpeTokenizer());
  const junk = fc.constantFrom("null", "[]", "{}", "1e9", '"x"', "-1", "true");
  const edit = fc.tuple(fc.nat(), junk);
  // Replaces a value (after a colon) by junk, so that most results still are JSON.
  const mutate = (json: string, [at, junk]: [number, string]): string => {
    const colon = json.indexOf(":", at % json.length);
    return colon < 0 ? json.slice(0, at % json.length) : json.slice(0, colon + 1) + junk +
      json.slice(colon + 1).replace(/^(?:"[^"]*"|[^,}\]]*)/, "");
  };
  let broken = 0;
  await withFolder(async (dir) => {
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
        await writeTokenizer(dir);
        await Deno.writeTextFile(`${dir}/tokenizer.json`, edits.reduce(mutate, text));
        try {
          const tokenizer = await loadTokenizer(dir);
          tokenizer.decode(tokenizer.encode("hello <s>é"));
        } catch (error) {
          broken++;
          ok(error instanceof UserError, String(error));
          ok(!error.message.includes("\n"));
        }
      }),
      { numRuns: 200 },
    );
  });
  ok(broken > 20);
});

Deno.test("renderChat() says that there is no template", async () => {
  const tokenizer = await smallTokenizer();
  throws(
    () => tokenizer.renderChat([{ role: "user", content: "a" }], { addGenerationPrompt: true }),
    /^UserError: Cannot render a conversation: .+\/tokenizer_config\.json has no "chat_template"$/,
  );
});

Deno.test("loadTokenizer() refuses a chat template that is not UTF-8, the model's own and a named one", async () => {
  await withFolder(async (dir) => {
    await writeTokenizer(dir, { json: bpeTokenizer() });
    const path = `${dir}/chat_template.jinja`;
    await Deno.writeFile(path, new Uint8Array([0x61, 0xff]));
    const expected = { name: "UserError", message: `Cannot read ${path}: it is not UTF-8` };
    await rejects(loadTokenizer(dir), expected);
    await rejects(loadTokenizer(dir, { chatTemplate: path }), expected);
  });
});
