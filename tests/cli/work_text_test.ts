import { deepEqual } from "node:assert/strict";
import { workLines } from "../../cli/work_text.ts";
import type { TaskTime } from "../../core/plan/evaluation_time.ts";
import type { TaskWork } from "../../core/evaluate/evaluation_work.ts";

function time(work: Partial<TaskWork>, { seconds, tokens, generated = 0 }: {
  seconds: number;
  tokens: number;
  generated?: number;
}): TaskTime {
  const counts = { pairs: 0, entries: 0, passes: 0 };
  const [forward, decode] = [{ ...counts, tokens }, { ...counts, tokens: generated }];
  return {
    work: { task: "x", documents: 0, kind: "choices", requests: 0, known: 0, ...work, forward, decode },
    seconds,
  };
}

const ARC = time({ task: "arc", documents: 1172, requests: 4687 }, { tokens: 2_200_000, seconds: 4321 });
const GSM = time({ task: "gsm8k", documents: 2, requests: 1, known: 1, kind: "answers" }, {
  tokens: 900,
  generated: 256,
  seconds: 0.2,
});
const DONE = time({ task: "done", documents: 5, known: 5 }, { tokens: 0, seconds: 0 });

Deno.test("workLines() says what is left to compute and how long it takes, in a pipe in one line", () => {
  deepEqual(workLines([ARC], { isTerminal: true }), [
    "To compute: arc: 1,172 documents, 4,687 choices, 2,200,000 tokens, about 1h 12m",
  ]);
  const total =
    "To compute: 3 tasks: 1,179 documents, 4,687 choices, 1 answer, 6 there from before, 2,200,900 tokens " +
    "and at most 256 generated, at most about 1h 12m";
  deepEqual(workLines([ARC, GSM, DONE], { isTerminal: false }), [total]);
  deepEqual(workLines([ARC, GSM, DONE], { isTerminal: true }), [
    "  arc: 1,172 documents, 4,687 choices, 2,200,000 tokens, about 1h 12m",
    "  gsm8k: 2 documents, 1 answer, 1 there from before, 900 tokens and at most 256 generated, at most about 1s",
    total,
  ]);
  // Where the speed could not be measured, nothing is said of it.
  deepEqual(workLines([{ ...ARC, seconds: null }], { isTerminal: true }), [
    "To compute: arc: 1,172 documents, 4,687 choices, 2,200,000 tokens",
  ]);
  deepEqual(workLines([DONE], { isTerminal: true }), ["To compute: nothing, all answers are there from before"]);
});
