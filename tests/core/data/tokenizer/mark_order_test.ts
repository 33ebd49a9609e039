import { equal, ok } from "node:assert/strict";
import { normalizeText } from "../../../../core/data/tokenizer/mark_order.ts";

const FORMS = ["NFC", "NFD", "NFKC", "NFKD"] as const;

/** Marks of many classes, some fixed, some that decompose, of which one becomes two. */
const MARKS = [..."\u0301\u0316\u0334\u0345\u0344\u05b0\u064b\u0670\u093c\u094d\u0903\u0e38\u3099\u302a\u0307\u0323"];

Deno.test("normalizeText() puts long runs of marks into the order that the engine gives them", () => {
  let state = 1;
  const next = (count: number): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % 65521 % count;
  for (let i = 0; i < 200; i++) {
    const marks = Array.from({ length: 60 + next(90) }, () => MARKS[next(MARKS.length)]!).join("");
    for (const text of [marks, `é${marks}a`, `日${marks}e${marks}`, `\u1fb3${marks}한`]) {
      for (const form of FORMS) equal(normalizeText(text, form), text.normalize(form));
    }
  }
});

Deno.test("normalizeText() takes time linear in a run of marks", () => {
  const started = performance.now();
  equal(normalizeText("\u0301\u0316".repeat(200_000), "NFD"), "\u0316".repeat(200_000) + "\u0301".repeat(200_000));
  const ms = performance.now() - started;
  ok(ms < 15_000, `${ms} ms`);
});
