import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { answerText, continuedIds, jointIds } from "../../../core/data/continuation.ts";
import type { Tokenizer } from "../../../core/data/tokenizer/tokenizer.ts";
import { smallTokenizer } from "./_fixtures.ts";

const tokenizer = await smallTokenizer();

function continuation(before: string, text: string): Parameters<typeof continuedIds>[1] {
  return { before, beforeIds: tokenizer.encode(before), whole: before + text, addSpecialTokens: true };
}

/** The text of a prompt and its answer, decoded as one. */
function together(...parts: (readonly number[])[]): string {
  return tokenizer.decode(parts.flat(), { skipSpecialTokens: true });
}

// "hello", "▁hello", "abab" and "▁▁" are single tokens; a text's first word gets a "▁".
for (
  const [before, text] of [
    ["hell", "o"],
    ["hell", "o hello"],
    ["x ab", "ab ab"],
    ["x ", " y"],
    ["b", "a"],
    ["x ab", "ab\n\nhello"],
    ["say hell", "o ½ 世界"],
  ] as const
) {
  Deno.test(`continuedIds() keeps the text of ${JSON.stringify(before)} and ${JSON.stringify(text)}`, () => {
    const shared = continuation(before, text);
    const { ids, merged } = continuedIds(tokenizer, shared);
    equal(merged, true);
    equal(together(shared.beforeIds, ids), before + text);
    const joint = jointIds(tokenizer, shared);
    equal(joint.merged, true);
    deepEqual([...joint.beforeIds, ...joint.ids], tokenizer.encode(before + text));
    ok(joint.beforeIds.length <= shared.beforeIds.length);
  });
}

Deno.test("continuedIds() takes the rest of the joint ids where they begin with the prompt's", () => {
  const shared = continuation("hell", " ab");
  const { ids, merged } = continuedIds(tokenizer, shared);
  deepEqual([merged, [...shared.beforeIds, ...ids]], [false, tokenizer.encode("hell ab")]);
});

Deno.test("continuedIds() continues a prompt that was given as ids, whatever its text is tokenized to", () => {
  const beforeIds = [...tokenizer.encode("h"), ...tokenizer.encode("ell").slice(2)];
  const { ids, merged } = continuedIds(tokenizer, { ...continuation("hell", "o"), beforeIds });
  equal(merged, true);
  equal(together(beforeIds, ids), "hello");
});

Deno.test("continuedIds() names the texts where no ids of the response follow the prompt's", () => {
  // A tokenizer that ends every text with a token of its own.
  const closing: Tokenizer = {
    ...tokenizer,
    encode: (text, options) =>
      options?.addSpecialTokens === false ? tokenizer.encode(text, options) : [
        ...tokenizer.encode(text),
        2,
      ],
  };
  const shared = { ...continuation("hell", "o"), beforeIds: closing.encode("hell") };
  throws(() => continuedIds(closing, shared), {
    name: "UserError",
    message: "a token reaches from the prompt into the response, and their ids apart decode to " +
      '"<s> hell<|im_end|> o", expected "<s> hello<|im_end|>"',
  });
});

Deno.test("answerText() keeps the space with which an answer begins after its prompt, but not that of a turn", () => {
  const promptIds = tokenizer.encode("x");
  const ids = tokenizer.encode("hello ab", { addSpecialTokens: false });
  equal(answerText(tokenizer, { promptIds, conversational: false }, ids), " hello ab");
  equal(answerText(tokenizer, { promptIds, conversational: true }, ids), "hello ab");
  equal(answerText(tokenizer, { promptIds, conversational: false }, []), "");
  equal(answerText(tokenizer, { promptIds, conversational: false }, [2]), "");
});

Deno.test("answerText() gives text to an answer that completes a character of its prompt", () => {
  const [first, ...rest] = tokenizer.encode("世", { addSpecialTokens: false }).slice(1);
  const text = answerText(tokenizer, { promptIds: [first!], conversational: false }, rest);
  equal(text, tokenizer.decode(rest));
});
