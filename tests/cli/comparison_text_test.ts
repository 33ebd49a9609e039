import { deepEqual, equal, match, ok } from "node:assert/strict";
import { formatComparison } from "../../cli/comparison_text.ts";
import { columnsOf } from "../../cli/wrap_text.ts";
import { comparisonJson, encodeComparedRow } from "../../core/evaluate/comparison_json.ts";
import type { ComparedAnswer, Comparison, SideSummary } from "../../core/evaluate/comparison_summary.ts";
import type { LengthControlled } from "../../core/evaluate/length_control.ts";
import { type Outcome, winRate } from "../../core/evaluate/win_rate.ts";

const side = (model: string, score: number | null): SideSummary => ({
  model,
  score,
  tokens: 12.25,
  characters: 40,
  truncated: 3,
});
const answer = (text: string, score: number | null): ComparedAnswer => ({ text, tokens: 2, finished: true, score });

function comparison(wins: number, ties: number, losses: number, keys: Partial<Comparison> = {}): Comparison {
  const outcomes = [
    ...Array<Outcome>(wins).fill("win"),
    ...Array<Outcome>(ties).fill("tie"),
    ...Array<Outcome>(losses).fill("loss"),
  ];
  return {
    judge: "verifier",
    rows: outcomes.map((outcome, row) => ({ row, prompt: "p", a: answer("a", 0), b: answer("b", 1), outcome })),
    result: winRate(outcomes),
    lengthControlled: null,
    a: side("models/a", 0.25),
    b: side("models/b", 1234.5),
    unjudged: 0,
    ordersAsked: null,
    ordersDisagree: null,
    winnerTokens: 3,
    loserTokens: 5.5,
    lengthCorrelation: -0.254,
    metrics: {},
    ...keys,
  };
}

Deno.test("formatComparison() shows shares, the interval and what follows", () => {
  const text = formatComparison(comparison(25, 15, 10));
  match(text, /^A {2}models\/a\nB {2}models\/b\n50 prompts, judge verifier\n/);
  match(text, /wins +│ +10 │ +25 │/);
  match(text, /mean score +│ +0\.25 │ +1235 │/);
  match(text, /Winning answers have 3\.0 tokens, losing ones 5\.5; correlation of length and winning -0\.25\n/);
  match(text, /\nB wins █{25}▒{15}░{10} A wins\n50\.0 % +ties 30\.0 % +20\.0 %\n/);
  match(text, /B's win rate, ties as halves: 65\.0 % ± 5\.6 \(Wilson's 95 % interval 51\.1 to 76\.7\)/);
  const axis = text.split("\n").at(-2)!;
  // 51 places from 0 to 100 %; the half is just outside.
  equal(axis, `  0 % ├${"─".repeat(24)}┼${"━".repeat(7)}●${"━".repeat(5)}${"─".repeat(11)}┤ 100 %`);
  equal(text.split("\n").at(-1), "B is better (sign test, p = 0.0167)");
});

Deno.test("formatComparison() says who is better, or that none is, and what a judge could not tell", () => {
  equal(formatComparison(comparison(0, 0, 9)).split("\n").at(-1), "A is better (sign test, p = 0.0039)");
  equal(
    formatComparison(comparison(2, 3, 2)).split("\n").at(-1),
    "No difference beyond chance (sign test, p = 1.0000)",
  );
  match(formatComparison(comparison(60, 0, 0)), /B is better \(sign test, p = 1\.7e-18\)$/);
  const metrics = { "labels/agreement": 0.75, "labels/kappa": 0.4 };
  const text = formatComparison(comparison(1, 1, 0, { unjudged: 4, ordersAsked: 28, ordersDisagree: 7, metrics }));
  match(
    text,
    new RegExp(
      "\\n4 rows without a score are not counted\\n" +
        "Both orders have one verdict in 75\\.0 % of 28 rows; 7 verdicts changed with the order of the answers, and count " +
        "as ties\\nJudges agree in 75\\.0 % of the rows, Cohen's kappa 0\\.400 \\(1: always, 0: by chance\\)\\n",
    ),
  );
  const none = comparison(0, 0, 0, { unjudged: 2, winnerTokens: null, loserTokens: null, a: side("a", null) });
  match(formatComparison(none), /mean score +│ +– │/);
  match(formatComparison(none), /2 rows without a score are not counted$/);
});

Deno.test("formatComparison() gives the win rate at equal lengths, or why there is none", () => {
  const fit: LengthControlled = {
    rate: 0.61975,
    stderr: 0.0601,
    interval: { low: 0.497, high: 0.7288 },
    effect: 1.06,
    scale: 250,
    note: null,
  };
  const last = (lengthControlled: LengthControlled | null): string =>
    formatComparison(comparison(2, 3, 2, { lengthControlled })).split("\n").at(-1)!;
  equal(last(fit), "B's win rate at equal lengths: 62.0 % ± 6.0 (95 % interval 49.7 to 72.9)");
  match(last({ ...fit, effect: 0, scale: null }), /^No difference beyond chance/);
  match(last(null), /^No difference beyond chance/);
  const none = { ...fit, rate: 1, stderr: null, interval: null, effect: null };
  equal(last({ ...none, note: "why" }), "B's win rate at equal lengths: 100.0 %: why");
  equal(last({ ...none, rate: null, note: "why" }), "No win rate at equal lengths: why");
});

Deno.test("formatComparison() fits a narrow terminal", () => {
  const metrics = { "labels/agreement": 0.75, "labels/kappa": 0.4 };
  const text = formatComparison(comparison(9, 3, 2, { unjudged: 4, ordersAsked: 28, ordersDisagree: 7, metrics }), {
    columns: 60,
  });
  ok(text.split("\n").every((line) => columnsOf(line) <= 60), text);
  match(text, /\nB wins █{30}▒{9}░{7} A wins\n/);
});

Deno.test("comparisonJson() and encodeComparedRow() have the numbers by name", () => {
  const made = comparison(3, 0, 1);
  const json = comparisonJson(made);
  deepEqual([json.wins, json.ties, json.losses, json.rows, json.win_rate], [3, 0, 1, 4, 0.75]);
  deepEqual(json.win_rate_interval, [made.result.interval!.low, made.result.interval!.high]);
  deepEqual(json.a.mean_score, 0.25);
  deepEqual(JSON.parse(encodeComparedRow(made.rows[3]!)), {
    row: 3,
    prompt: "p",
    response_a: "a",
    response_b: "b",
    score_a: 0,
    score_b: 1,
    tokens_a: 2,
    tokens_b: 2,
    finished_a: true,
    finished_b: true,
    outcome: "loss",
  });
});
