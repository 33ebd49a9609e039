import { deepEqual, equal } from "node:assert/strict";
import { benchmarkNumbers } from "../../../core/benchmark/benchmark_numbers.ts";
import { hasLeaderboardAverage, leaderboardAverage } from "../../../core/evaluate/leaderboard_average.ts";
import { assertClose } from "../../_shared/assert_close.ts";

const SIX = {
  arc_challenge: { "acc,none": 9, "acc_norm,none": 0.6, "acc_norm_stderr,none": 0.01 },
  hellaswag: { "acc,none": 9, "acc_norm,none": 0.8, "acc_norm_stderr,none": 0.02 },
  truthfulqa_mc2: { "acc,none": 0.5, "acc_stderr,none": 0.02 },
  mmlu: { "acc,none": 0.6, "acc_stderr,none": 0.04 },
  winogrande: { "acc,none": 0.7, "acc_stderr,none": 0.01 },
  gsm8k: {
    "exact_match,strict-match": 0.4,
    "exact_match_stderr,strict-match": 0.01,
    "exact_match,flexible-extract": 9,
    "exact_match_stderr,flexible-extract": 9,
  },
};

Deno.test("leaderboardAverage() is the mean of the six tasks' own metrics, with the error of independent ones", () => {
  const { value, stderr } = leaderboardAverage(SIX)!;
  assertClose(value, 0.6, { rtol: 1e-12 });
  assertClose(stderr!, Math.sqrt(27e-4) / 6, { rtol: 1e-12 });
});

Deno.test("leaderboardAverage() needs all six, and all errors for an error", () => {
  const { mmlu: _, ...five } = SIX;
  equal(leaderboardAverage(five), null);
  const bare = { ...SIX, mmlu: { "acc,none": 0.6, "acc_stderr,none": "N/A" } };
  deepEqual(leaderboardAverage(bare)!.stderr, null);
});

Deno.test("hasLeaderboardAverage() is true of the names of all six tasks' numbers", () => {
  const names = Object.keys(benchmarkNumbers({ results: SIX }).metrics);
  equal(hasLeaderboardAverage(names), true);
  equal(hasLeaderboardAverage(names.filter((name) => name !== "gsm8k/exact_match,strict-match")), false);
});
