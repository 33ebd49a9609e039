import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { StreamDecoder } from "../../../../core/data/tokenizer/stream_decoder.ts";
import type { Tokenizer } from "../../../../core/data/tokenizer/tokenizer.ts";
import { smallTokenizer } from "../_fixtures.ts";

/** The pieces that ids give, so many at a time. */
function stream(tokenizer: Tokenizer, ids: readonly number[], sizes: readonly number[] = [1]): string[] {
  const decoder = new StreamDecoder(tokenizer);
  const pieces: string[] = [];
  for (let at = 0, n = 0; at < ids.length; n++) {
    const size = sizes[n % sizes.length]!;
    pieces.push(decoder.push(ids.slice(at, at + size)));
    at += size;
  }
  return [...pieces, decoder.finish()];
}

Deno.test("StreamDecoder gives out characters when their bytes are there and can no longer be spoilt", async () => {
  const tokenizer = await smallTokenizer();
  const ids = tokenizer.encode("a é日😀b", { addSpecialTokens: false });
  // The fixture has a token for each byte of what is no ASCII.
  equal(ids.length, 2 + 1 + 2 + 3 + 4 + 1);
  deepEqual(stream(tokenizer, ids).filter((piece) => piece !== ""), ["a", " ", "é日😀b"]);
});

Deno.test("StreamDecoder's pieces are the text of any ids, also where bytes make no characters", async () => {
  const tokenizer = await smallTokenizer();
  // Mostly tokens of bytes, and some of letters and special ones.
  const id = fc.oneof(fc.integer({ min: 4, max: 259 }), fc.integer({ min: 0, max: tokenizer.vocabSize - 1 }));
  fc.assert(
    fc.property(fc.array(id, { maxLength: 12 }), fc.constantFrom([1], [1, 3], [2]), (ids, cuts) => {
      equal(stream(tokenizer, ids, cuts).join(""), tokenizer.decode(ids, { skipSpecialTokens: true }));
    }),
    { numRuns: 500 },
  );
  // A byte alone is a letter; beside a wrong one it is none, as in Rust's library.
  deepEqual(stream(tokenizer, [4 + 0x41, 4 + 0x80, 4 + 0x42]), ["", "", "", "\ufffd\ufffd\ufffd"]);
});

Deno.test("StreamDecoder's pieces are the text, however the ids come", async () => {
  const tokenizer = await smallTokenizer();
  const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 8 });
  const property = fc.property(fc.string({ unit: "grapheme", maxLength: 20 }), sizes, (text, cuts) => {
    const ids = tokenizer.encode(text, { addSpecialTokens: false });
    const pieces = stream(tokenizer, ids, cuts);
    equal(pieces.join(""), tokenizer.decode(ids, { skipSpecialTokens: true }));
    for (const piece of pieces) equal(piece.isWellFormed(), true);
  });
  fc.assert(property, { numRuns: 200 });
});

Deno.test("StreamDecoder gives bytes that become no character at the end, and leaves special tokens out", async () => {
  const tokenizer = await smallTokenizer();
  const [whole] = [tokenizer.encode("日", { addSpecialTokens: false })];
  // "▁" and the first two bytes, EOS.
  const pieces = stream(tokenizer, [...whole!.slice(0, -1), 2]);
  deepEqual(pieces.slice(0, -1).join(""), "");
  equal(/^\ufffd+$/.test(pieces.at(-1)!), true, JSON.stringify(pieces));
});

Deno.test("StreamDecoder after other ids keeps the space that a text alone would lose", async () => {
  const tokenizer = await smallTokenizer();
  const before = tokenizer.encode("a", { addSpecialTokens: false });
  const ids = tokenizer.encode("a hello", { addSpecialTokens: false }).slice(before.length);
  equal(new StreamDecoder(tokenizer).push(ids), "hello");
  equal(new StreamDecoder(tokenizer, { after: before }).push(ids), " hello");
});
