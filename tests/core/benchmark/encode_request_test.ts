import { deepEqual, equal, throws } from "node:assert/strict";
import { fitPair, fitPrompt, maxLengthOf, RequestEncoder } from "../../../core/benchmark/encode_request.ts";
import { rollingWindows } from "../../../core/benchmark/rolling_windows.ts";
import { loadTokenizer, type Tokenizer } from "../../../core/data/tokenizer/tokenizer.ts";
import { memoryFiles } from "../../../core/files/model_files.ts";

const LETTERS = [..."abcdefg", " ", "\n", "ab", " c", "<s>", "</s>"];
const [BOS, EOS] = [LETTERS.indexOf("<s>"), LETTERS.indexOf("</s>")];

/** A tokenizer of letters, which joins `ab` and ` c`; `bos` says whether it writes BOS before each text. */
function tokenizer({ bos }: { bos: "written" | "there" | "none" }): Promise<Tokenizer> {
  const special = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  const json = {
    added_tokens: [{ id: BOS, content: "<s>", ...special }, { id: EOS, content: "</s>", ...special }],
    normalizer: null,
    pre_tokenizer: null,
    post_processor: bos === "written"
      ? {
        type: "TemplateProcessing",
        single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
        pair: [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 1 } }],
        special_tokens: { "<s>": { id: "<s>", ids: [BOS], tokens: ["<s>"] } },
      }
      : null,
    decoder: null,
    model: {
      type: "BPE",
      vocab: Object.fromEntries(LETTERS.map((letter, id) => [letter, id])),
      merges: [["a", "b"], [" ", "c"]],
    },
  };
  const config = { eos_token: "</s>", ...(bos !== "none" && { bos_token: "<s>" }) };
  return loadTokenizer(memoryFiles({
    "tokenizer.json": JSON.stringify(json),
    "tokenizer_config.json": JSON.stringify({ tokenizer_class: "PreTrainedTokenizerFast", ...config }),
  }));
}

const ids = (...letters: string[]): number[] => letters.map((letter) => LETTERS.indexOf(letter));

Deno.test("a pair's ids are those of both texts together, cut where the context's own end", async () => {
  const encoder = new RequestEncoder(await tokenizer({ bos: "none" }));
  const pair = (context: string, continuation: string): unknown => encoder.encodePair({ context, continuation });
  deepEqual(pair("de", " c"), { context: ids("d", "e"), continuation: ids(" c") });
  // White space at the context's end is the continuation's.
  deepEqual(pair("de ", "c"), { context: ids("d", "e"), continuation: ids(" c") });
  deepEqual(pair("de\n\n", "c"), { context: ids("d", "e"), continuation: ids("\n", "\n", "c") });
  // A token over the border: the rest after as many ids as the context alone has.
  deepEqual(pair("dea", "bc"), { context: ids("d", "e", "a"), continuation: ids("c") });
  throws(() => pair("a", "b"), {
    name: "UserError",
    message: 'Cannot score a continuation: it is "b", which has no token, expected one or more',
  });
  throws(() => pair(" \n", "b"), { name: "UserError", message: /^Cannot score a context: it is of white space/ });
});

Deno.test("choices of one context share its ids", async () => {
  const encoder = new RequestEncoder(await tokenizer({ bos: "there" }));
  const [first, second, other, third] = [["ab", " c"], ["ab", " d"], ["a", " d"], ["ab", " e"]].map((
    [context, continuation],
  ) => encoder.encodePair({ context: context!, continuation: continuation! }).context);
  equal(second, first);
  deepEqual([first, other, third], [ids("ab"), ids("a"), ids("ab")]);
});

Deno.test("special tokens are the tokenizer's own, but for a text that begins with them", async () => {
  const written = await tokenizer({ bos: "written" });
  const encoder = new RequestEncoder(written);
  deepEqual(encoder.encodePair({ context: "d", continuation: "e" }), {
    context: ids("<s>", "d"),
    continuation: ids("e"),
  });
  deepEqual(encoder.encodePair({ context: "<s>d", continuation: "e" }).context, ids("<s>", "d"));
  deepEqual(encoder.encodePrompt("<s>d"), ids("<s>", "d"));
  deepEqual(new RequestEncoder(written, { addBosToken: false }).encode("d"), ids("d"));
  deepEqual(new RequestEncoder(written, { addBosToken: true }).encode("<s>d"), ids("<s>", "d"));
  // Without BOS it is EOS that a text may begin with.
  const none = new RequestEncoder(await tokenizer({ bos: "none" }));
  equal(none.prefixId, EOS);
  deepEqual(none.encode("</s>d"), ids("</s>", "d"));
});

Deno.test("a pair without context has BOS, or else EOS, in its place", async () => {
  const pair = { context: "", continuation: "de" };
  for (const bos of ["written", "there"] as const) {
    deepEqual(new RequestEncoder(await tokenizer({ bos })).encodePair(pair), {
      context: [BOS],
      continuation: ids("d", "e"),
    });
  }
  const none = new RequestEncoder(await tokenizer({ bos: "none" }));
  deepEqual(none.encodePair(pair), { context: [EOS], continuation: ids("d", "e") });
  deepEqual(none.encodePair({ context: "", continuation: "</s>d" }), { context: [EOS], continuation: ids("d") });
});

Deno.test("what is too long is cut from the left, but no continuation", () => {
  const long = { context: [1, 2, 3, 4], continuation: [5, 6] };
  deepEqual(fitPair(long, 5), { ...long, cut: 0 });
  deepEqual(fitPair(long, 4), { context: [2, 3, 4], continuation: [5, 6], cut: 1 });
  deepEqual(fitPair(long, 2), { context: [4], continuation: [5, 6], cut: 3 });
  throws(() => fitPair(long, 1), {
    name: "UserError",
    message: "Cannot score a continuation of 2 tokens: the model takes 1, expected at most those",
  });
  deepEqual(fitPrompt([1, 2, 3], { maxLength: 8, maxNewTokens: 5 }), { ids: [1, 2, 3], cut: 0 });
  deepEqual(fitPrompt([1, 2, 3], { maxLength: 7, maxNewTokens: 5 }), { ids: [2, 3], cut: 1 });
  throws(() => fitPrompt([1], { maxLength: 5, maxNewTokens: 5 }), { name: "UserError", message: /max_gen_toks/ });
});

Deno.test("the longest input is the config's, the tokenizer's, or 2048", () => {
  equal(maxLengthOf({ n_positions: 12, max_position_embeddings: 10 }), 12);
  equal(maxLengthOf({ max_position_embeddings: 10, n_ctx: 11 }), 10);
  equal(maxLengthOf({ n_ctx: 11, text_config: { max_position_embeddings: 9 } }), 9);
  equal(maxLengthOf({}, { modelMaxLength: 77 }), 77);
  equal(maxLengthOf({}, { modelMaxLength: 1e30 }), 2048);
});

Deno.test("windows of a text predict every id once, with a full context in the last", () => {
  const windows = rollingWindows([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], { prefixId: 99, maxLength: 4 });
  deepEqual(windows, [
    { context: [99], continuation: [0, 1, 2, 3] },
    { context: [3], continuation: [4, 5, 6, 7] },
    { context: [5, 6, 7], continuation: [8, 9] },
  ]);
  deepEqual(rollingWindows([1, 2], { prefixId: 99, maxLength: 4 }), [{ context: [99], continuation: [1, 2] }]);
  deepEqual(rollingWindows([], { prefixId: 99, maxLength: 4 }), []);
});
