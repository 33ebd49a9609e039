import { deepEqual, equal, rejects } from "node:assert/strict";
import { openModelFolder } from "../../../core/checkpoint/model_folder.ts";
import { mergesOfScores } from "../../../core/checkpoint/gguf_merges.ts";
import type { JsonObject } from "../../../core/data/formats/json_rows.ts";
import { BYTE_LETTERS } from "../../../core/data/tokenizer/byte_letters.ts";
import { preTokenizerOf } from "../../../core/data/tokenizer/pre_tokenizer_name.ts";
import { loadTokenizer } from "../../../core/data/tokenizer/tokenizer.ts";
import { exportModel } from "../../../core/export/export_model.ts";
import { writeTinyModel } from "../../_shared/tiny_model.ts";
import { withFolder } from "./_fixtures.ts";

const added = (id: number, content: string, special: boolean) => ({
  ...{ id, content, special },
  ...{ single_word: false, lstrip: false, rstrip: false, normalized: false },
});

/** A byte-level tokenizer that cuts as llama.cpp's `pre` does, and writes a token before each text if `begins`. */
function tokenizerJson(pre: string, { begins }: { begins: boolean }): JsonObject {
  const { pretokenizers, ignoresMerges } = preTokenizerOf(pre)!;
  const bos = { SpecialToken: { id: "<|begin|>", type_id: 0 } };
  const sequence = (id: string) => ({ Sequence: { id, type_id: 0 } });
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [
      added(259, "<|end|>", true),
      added(260, "<tool>", false),
      added(261, "<|begin|>", true),
      added(262, "\uFEFF", false),
    ],
    normalizer: pre === "qwen2" ? { type: "NFC" } : null,
    pre_tokenizer: { type: "Sequence", pretokenizers },
    post_processor: begins
      ? {
        type: "TemplateProcessing",
        single: [bos, sequence("A")],
        pair: [bos, sequence("A"), sequence("B")],
        special_tokens: { "<|begin|>": { id: "<|begin|>", ids: [261], tokens: ["<|begin|>"] } },
      }
      : null,
    decoder: { type: "ByteLevel" },
    model: {
      type: "BPE",
      vocab: Object.fromEntries([...BYTE_LETTERS, "Ġa", "Ġab", "12"].map((text, id) => [text, id])),
      merges: ["Ġ a", "Ġa b", "1 2"],
      ignore_merges: ignoresMerges,
    },
  };
}

const TEXTS = ["a ab  abc 12 123\n\n it's", "<tool> ab<|end|> é e\u0301 日本", "  \t12<|begin|>", "\uFEFFa"];

for (const pre of ["llama-bpe", "smaug-bpe", "qwen2", "tekken", "gpt-2", "smollm"]) {
  for (const begins of [false, true]) {
    Deno.test(`the tokenizer of a GGUF file gives the ids of the one it was made of: ${pre}${begins ? ", bos" : ""}`, () =>
      withFolder(async (dir) => {
        await writeTinyModel(`${dir}/model`, { config: { vocab_size: 270, bos_token_id: 261, eos_token_id: 259 } });
        await Deno.writeTextFile(`${dir}/model/tokenizer.json`, JSON.stringify(tokenizerJson(pre, { begins })));
        const config = {
          bos_token: "<|begin|>",
          eos_token: "<|end|>",
          chat_template: "{{ bos_token }}{{ messages[0].content }}",
        };
        await Deno.writeTextFile(`${dir}/model/tokenizer_config.json`, JSON.stringify(config));
        await exportModel({ from: `${dir}/model`, output: `${dir}/model.gguf` });
        const read = await openModelFolder(`${dir}/model.gguf`);
        const [one, two] = [await loadTokenizer(read.files), await loadTokenizer(`${dir}/model`)];
        for (const text of TEXTS) {
          const ids = two.encode(text);
          equal(ids[0] === 261, begins);
          deepEqual(one.encode(text), ids, text);
          for (const skipSpecialTokens of [false, true]) {
            equal(one.decode(ids, { skipSpecialTokens }), two.decode(ids, { skipSpecialTokens }));
          }
        }
        deepEqual([one.bosId, one.eosId, one.vocabSize], [261, 259, 263]);
        deepEqual(one.specialTokens, two.specialTokens);
        const messages = [{ role: "user", content: "ab" }];
        equal(one.renderChat(messages, { addGenerationPrompt: false }), "<|begin|>ab");
        if (pre !== "gpt-2") return;
        const file = await Deno.readFile(`${dir}/model.gguf`);
        const name = new TextEncoder().encode("gpt-2");
        const at = file.findIndex((_, i) => name.every((byte, j) => file[i + j] === byte));
        file[at + 4] = 0x33;
        await Deno.writeFile(`${dir}/odd.gguf`, file);
        await rejects(openModelFolder(`${dir}/odd.gguf`), {
          message: /odd\.gguf: "tokenizer\.ggml\.pre" is "gpt-3", expected llama-bpe, smaug-bpe, qwen2/,
        });
      }));
  }
}

Deno.test("mergesOfScores() lists pairs of the highest score first, and of one piece by the ids of its parts", () => {
  const pieces = ["a", "b", "ab", "ba", "aba", "😀", "😀a", ""].map((text, id) => ({
    text,
    id,
    score: text.length > 1 ? -id : -100,
  }));
  deepEqual(mergesOfScores(pieces), [["a", "b"], ["b", "a"], ["a", "ba"], ["ab", "a"], ["😀", "a"]]);
});
