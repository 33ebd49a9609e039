import { equal, ok } from "node:assert/strict";
import { choicePrompt, ratingPrompt } from "../../../../core/evaluate/mt_bench/mt_prompts.ts";
import { readChoice, readRating } from "../../../../core/evaluate/mt_bench/mt_verdicts.ts";

const question = { id: 1, row: 0, category: "math", turns: ["first?", "second?"], temperature: 0 };
const bare = { ...question, references: [] };
const known = { ...question, references: ["right one", "right two"] };

const conversation = (text: string, name = "CONVERSATION"): string =>
  text.split(`[BEGIN ${name}]\n`)[1]!.split(`\n[END ${name}]`)[0]!;

Deno.test("ratingPrompt() shows the conversation up to the turn, and right answers where there are some", () => {
  const first = ratingPrompt(bare, ["one {turn}", "two"], 0);
  equal(conversation(first), "User: first?\n\nAssistant: one {turn}");
  const second = ratingPrompt(bare, ["one", "two $&"], 1);
  equal(conversation(second), "User: first?\n\nAssistant: one\n\nUser: second?\n\nAssistant: two $&");
  ok(!first.includes("RIGHT ANSWERS") && !second.includes("RIGHT ANSWERS"));
  equal(
    conversation(ratingPrompt(known, ["one", "two"], 1), "RIGHT ANSWERS"),
    "User: first?\n\nRight answer: right one\n\nUser: second?\n\nRight answer: right two",
  );
  ok(!ratingPrompt(known, ["one"], 0).includes("right two"));
  // One right answer does for the first turn alone.
  const half = { ...known, references: ["right one"] };
  ok(
    ratingPrompt(half, ["one"], 0).includes("right one") && !ratingPrompt(half, ["one", "two"], 1).includes(
      "right" +
        " one",
    ),
  );
});

Deno.test("choicePrompt() shows both conversations, each with its own answers", () => {
  const text = choicePrompt(known, { a: ["a1", "a2"], b: ["b1", "b2"] }, 1);
  for (const side of ["a", "b"]) {
    equal(
      conversation(text, `CONVERSATION WITH ASSISTANT ${side.toUpperCase()}`),
      `User: first?\n\nAssistant: ${side}1\n\nUser: second?\n\nAssistant: ${side}2`,
    );
  }
  ok(text.includes("right two"));
});

Deno.test("the prompts' own examples of a verdict are readable", () => {
  equal(readRating(ratingPrompt(bare, ["one"], 0)), 4);
  // All three are named, so that none is chosen.
  equal(readChoice(choicePrompt(bare, { a: ["x"], b: ["y"] }, 0)), null);
});
