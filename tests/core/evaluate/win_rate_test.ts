import { deepEqual, equal } from "node:assert/strict";
import { type Outcome, signTest, wilson, winRate } from "../../../core/evaluate/win_rate.ts";
import { assertClose } from "../../_shared/assert_close.ts";

Deno.test("winRate() counts ties as halves", () => {
  const outcomes: Outcome[] = ["win", "win", "tie", "loss", "win"];
  const { wins, ties, losses, rate, stderr, interval, pValue } = winRate(outcomes);
  deepEqual([wins, ties, losses, rate], [3, 1, 1, 0.7]);
  deepEqual(interval, wilson(0.7, 5));
  // 1, 1, ½, 0, 1 about 0.7: the squares sum to 0.8.
  assertClose(stderr!, Math.sqrt(0.8 / 4 / 5), { rtol: 1e-12 });
  equal(winRate(["win"]).stderr, null);
  equal(pValue, signTest(3, 1));
  deepEqual(winRate([]), { wins: 0, ties: 0, losses: 0, rate: null, stderr: null, interval: null, pValue: 1 });
});

Deno.test("wilson() gives the published intervals", () => {
  // Newcombe 1998, table I, method 3 (score without continuity correction): 81/263, 15/148, 0/20, 1/29.
  for (
    const [r, n, low, high] of [[81, 263, 0.2553, 0.3662], [15, 148, 0.0624, 0.1605], [0, 20, 0, 0.1611], [
      1,
      29,
      0.0061,
      0.1718,
    ]] as const
  ) {
    const interval = wilson(r / n, n);
    assertClose([interval.low, interval.high], [low, high], { atol: 5e-5, label: `${r}/${n}` });
  }
});

Deno.test("signTest() is the exact binomial tail", () => {
  assertClose(signTest(8, 2), 2 * (1 + 10 + 45) / 1024, { rtol: 1e-12 });
  assertClose(signTest(2, 8), signTest(8, 2), { rtol: 1e-15 });
  equal(signTest(5, 5), 1);
  equal(signTest(0, 0), 1);
  equal(signTest(1, 0), 1);
  assertClose(signTest(10, 0), 2 / 1024, { rtol: 1e-12 });
  // Large and even: the normal approximation with continuity correction, 2·(1 − Φ(0.99)).
  assertClose(signTest(5050, 4950), 0.3222, { atol: 5e-4 });
  let [tail, term] = [0n, 1n];
  for (let k = 1n; k <= 101n; k++) {
    tail += term;
    term = term * (401n - k) / k;
  }
  // 300 to 100, where single terms are far below what 2^400 leaves of a float.
  assertClose(signTest(300, 100) * 2 ** 500, Number(tail) * 2 ** 101, { rtol: 1e-9 });
});
