import { deepEqual, equal } from "node:assert/strict";
import { type Answered, summarizeComparison } from "../../../core/evaluate/comparison_summary.ts";
import type { Scores } from "../../../core/label/judge.ts";
import { assertClose } from "../../_shared/assert_close.ts";

/** Both answers to a prompt, of so many tokens. */
function pair(row: number, a: number, b: number, isSame = false): { a: Answered; b: Answered } {
  const example = { row, prompt: "p" } as Answered["example"];
  const answer = (tokens: number, text: string): Answered => ({ example, text, ids: [], tokens, finished: true });
  return { a: answer(a, "one"), b: answer(b, isSame ? "one" : "two") };
}

const RULES = { margin: 0, judge: "llm", metrics: {}, folders: ["A", "B"] as [string, string] };

Deno.test("summarizeComparison() counts orders only where a judge was asked in both and both answers differ", () => {
  const both = (generated: number, ordersDisagree: boolean): Scores => ({
    human: 1 - generated,
    generated,
    ordersDisagree,
  });
  const pairs = [pair(0, 4, 9), pair(1, 4, 7), pair(2, 5, 5, true), pair(3, 8, 2), pair(4, 3, 3)];
  const scores = [both(1, false), both(0.5, true), both(0.5, false), both(0, false), { human: null, generated: null }];
  const { ordersAsked, ordersDisagree, unjudged, result, winnerTokens, loserTokens } = summarizeComparison(pairs, {
    ...RULES,
    scores,
  });
  deepEqual([ordersAsked, ordersDisagree, unjudged], [3, 1, 1]);
  deepEqual([result.wins, result.ties, result.losses], [1, 2, 1]);
  deepEqual([winnerTokens, loserTokens], [(9 + 8) / 2, (4 + 2) / 2]);
  const plain = summarizeComparison(pairs, {
    ...RULES,
    scores: scores.map(({ human, generated }) => ({ human, generated })),
  });
  deepEqual([plain.ordersAsked, plain.ordersDisagree], [null, null]);
});

Deno.test("summarizeComparison() correlates B's lead in tokens with its outcome, ties as halves", () => {
  const outcome = (generated: number): Scores => ({ human: 1 - generated, generated });
  // Leads 2, 0, −2 with 1, ½, 0 are one line; a row without a score is left out.
  const pairs = [pair(0, 4, 6), pair(1, 4, 4), pair(2, 6, 4), pair(3, 1, 90)];
  const scores = [outcome(1), outcome(0.5), outcome(0), { human: null, generated: null }];
  assertClose(summarizeComparison(pairs, { ...RULES, scores }).lengthCorrelation!, 1, { rtol: 1e-12 });
  // Longer ones that lose: the sign turns.
  const turned = [outcome(0), outcome(0.5), outcome(1), outcome(0.5)];
  equal(
    summarizeComparison(pairs.slice(0, 3), { ...RULES, scores: turned.slice(0, 3) }).lengthCorrelation! < -0.99,
    true,
  );
  const even = scores.map(() => outcome(1));
  equal(summarizeComparison(pairs, { ...RULES, scores: even }).lengthCorrelation, null);
});
