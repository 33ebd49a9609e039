import { deepEqual, match, ok } from "node:assert/strict";
import type { ComparedIterations } from "../../core/evaluate/compare_iterations.ts";
import type { WrittenIteration } from "../../core/evaluate/win_rates_file.ts";
import { formatWinRates } from "../../cli/win_rates_text.ts";
import { columnsOf } from "../../cli/wrap_text.ts";

function iterationOf(iteration: number, keys: Partial<WrittenIteration> = {}): WrittenIteration {
  const side = { model: "m", mean_score: 1, mean_tokens: 12.25, mean_characters: 40, truncated: 0 };
  return {
    iteration,
    identity: "",
    judge: "llm",
    rows: 20,
    unjudged: 0,
    wins: 9,
    ties: 6,
    losses: 5,
    win_rate: 0.6,
    win_rate_stderr: 0.0843,
    win_rate_interval: [0.387, 0.781],
    p_value: 0.424,
    length_controlled: { rate: 0.551, stderr: 0.1, interval: null, effect: 0.2, scale: 3, note: null },
    a: side,
    b: { ...side, mean_tokens: 14 },
    winner_tokens: 15,
    loser_tokens: 11,
    length_correlation: 0.412,
    orders_asked: 18,
    orders_disagree: 3,
    metrics: {
      "labels/requests": 36,
      "labels/prompt_tokens": 7200,
      "labels/completion_tokens": 360,
      "labels/cost": 0.5,
    },
    ...keys,
  };
}

function compared(iterations: WrittenIteration[], kept: number[] = []): ComparedIterations {
  const rates = { a: "runs/spin", b: "runs/dnpo", prompts: "rows.jsonl", settings: {} as never, iterations };
  const asked = kept.length === 0 ? null : { requests: 3, prompt: 600, completion: 30, cost: 0.25 };
  return { path: "runs/compare/runs__dnpo_vs_runs__spin/win_rates.json", rates, kept, asked };
}

Deno.test("formatWinRates() has a line for each iteration, and what tells whether the judge can be trusted", () => {
  const none = { win_rate: null, win_rate_stderr: null, win_rate_interval: null, unjudged: 20, wins: 0, ties: 0 };
  const text = formatWinRates(
    compared([
      iterationOf(0),
      iterationOf(2, { ...none, losses: 0, p_value: 1, winner_tokens: null, orders_asked: null }),
    ], [0]),
  );
  match(text, /^A {2}runs\/spin\nB {2}runs\/dnpo\n20 prompts, judge llm\n\n/);
  match(text, /│ iteration 0 +│ +9 │ +6 │ +5 │ +60\.0 % ± 8\.4 │ 38\.7–78\.1 │ 0\.4240 │ +55\.1 % │ +12\.3 │ +14\.0 │/);
  match(text, /│ iteration 2 +│ +0 │ +0 │ +0 │ +– │ +– │ 1\.0000 │/);
  deepEqual(
    text.split("\n").slice(-7),
    [
      "Iteration 0: Both orders have one verdict in 83.3 % of 18 rows; 3 verdicts changed with the order of the answers, " +
      "and count as ties",
      "Iteration 0: Winning answers have 15.0 tokens, losing ones 11.0; correlation of length and winning 0.41",
      "Iteration 2: 20 rows without a score are not counted",
      "Judge: 72 requests, 14,400 tokens asked, 720 tokens answered, cost 1.0000; of that now: 3 requests, 600 tokens " +
      "asked, 30 tokens answered, cost 0.2500",
      "Compared before: iteration 0",
      "Win rates: runs/compare/runs__dnpo_vs_runs__spin/win_rates.json",
    ].toSpliced(0, 0, text.split("\n").at(-7)!),
  );
});

Deno.test("formatWinRates() says what of the judge's replies was asked for now", () => {
  const judgeOf = (asked: ComparedIterations["asked"]): string | undefined =>
    formatWinRates({ ...compared([iterationOf(0)]), asked }).split("\n").find((line) => line.startsWith("Judge: "));
  const all = { requests: 36, prompt: 7200, completion: 360, cost: 0.5 };
  const text = "Judge: 36 requests, 7,200 tokens asked, 360 tokens answered, cost 0.5000";
  deepEqual([judgeOf(all), judgeOf(null), judgeOf({ ...all, requests: 0 })], [
    text,
    `${text}; of that now: nothing`,
    `${text}; of that now: nothing`,
  ]);
});

Deno.test("formatWinRates() says why there is no fit at equal lengths", () => {
  const fit = { rate: 1, stderr: null, interval: null, effect: null, scale: null, note: "every prompt was won" };
  const text = formatWinRates(compared([iterationOf(0, { length_controlled: fit }), iterationOf(1)]));
  match(text, /│ 0\.4240 │ +100\.0 % │/);
  deepEqual(text.split("\n").filter((line) => line.includes("No fit")), [
    "Iteration 0: No fit at equal lengths: every prompt was won",
  ]);
});

Deno.test("formatWinRates() prints one share in one way", () => {
  // As computed by a fit to answers of one length, which is the plain rate.
  const fit = { rate: 0.5624999999999998, stderr: 0.1, interval: null, effect: 0, scale: null, note: null };
  const text = formatWinRates(compared([iterationOf(0, { win_rate: 9 / 16, length_controlled: fit })]));
  match(text, /│ +56\.3 % ± 8\.4 │ [^│]+│ [^│]+│ +56\.3 % │/);
});

Deno.test("formatWinRates() becomes a list where the terminal is narrow", () => {
  const text = formatWinRates(compared([iterationOf(0), iterationOf(1)]), { columns: 60 });
  // A path stays whole, so that it can be copied.
  ok(text.split("\n").every((line) => columnsOf(line) <= 60 || /^ +runs\S+$/.test(line)), text);
  match(text, /\niteration 0\n {2}B wins: 9\n {2}ties: 6\n/);
});
