/** Text that comes token by token, with real tokenizers: byte-level (GPT-2) and byte-fallback (Llama 2). @module */
import { equal } from "node:assert/strict";
import { StreamDecoder } from "../../core/data/tokenizer/stream_decoder.ts";
import { loadTokenizer } from "../../core/data/tokenizer/tokenizer.ts";
import { sharedPath, sharedTest } from "./_shared.ts";

const TEXTS = [
  "Once upon a time,\n\n  there was 日本語 and Ελληνικά, naïve café.",
  "👩‍👩‍👧‍👦 🇩🇪 é (decomposed) \u200b\t ﷽ 𝒳",
  " leading and trailing ",
];

for (const name of ["gpt2", "llama2-spm"]) {
  sharedTest(`StreamDecoder gives whole characters, and all of the text: ${name}`, async () => {
    const tokenizer = await loadTokenizer(sharedPath("real/tokenizers", name));
    for (const text of TEXTS) {
      const ids = tokenizer.encode(text, { addSpecialTokens: false });
      const decoder = new StreamDecoder(tokenizer);
      const pieces = [...ids.map((id) => decoder.push([id])), decoder.finish()];
      equal(pieces.join(""), tokenizer.decode(ids, { skipSpecialTokens: true }));
      equal(pieces.some((piece) => piece.includes("\ufffd") || !piece.isWellFormed()), false, JSON.stringify(pieces));
    }
  });
}
