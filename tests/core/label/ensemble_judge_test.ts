import assert from "node:assert/strict";
import { ensembleJudge, type Member, voteOf } from "../../../core/label/ensemble_judge.ts";
import type { Judge, Scores } from "../../../core/label/judge.ts";
import { agreement, type Vote } from "../../../core/label/judge_agreement.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { responseRow } from "./_rows.ts";

/** A judge of these scores [human, generated]; null is no verdict. */
function judgeOf(name: string, scores: ([number, number] | null)[], more: Partial<Judge> = {}): Judge {
  return {
    name,
    score: (_, onDone) => {
      onDone(scores.length);
      return Promise.resolve(
        scores.map((score): Scores => ({ human: score?.[0] ?? null, generated: score?.[1] ?? null })),
      );
    },
    ...more,
  };
}

const member = (name: string, judge: Judge, { weight = 1, margin = 0 } = {}): Member => ({
  name,
  judge,
  weight,
  margin,
});

Deno.test("ensembleJudge() adds the weights of the votes, as a share of those that gave a verdict", async () => {
  const rows = [0, 1, 2, 3].map((row) => responseRow(row));
  const done: number[] = [];
  const judge = ensembleJudge([
    member("a", judgeOf("a", [[0, 1], [0, 1], null, null]), { weight: 2 }),
    member("b", judgeOf("b", [[-3, -9], [5, 5], [0, 1], null])),
    // Higher, but not by more than its margin.
    member("c", judgeOf("c", [[1, 1.5], [3, 1], [0, 4], null]), { margin: 1 }),
  ]);
  const scores = await judge.score(rows, (count) => done.push(count));
  const expected = [[1 / 4, 2 / 4], [1 / 4, 2 / 4], [0, 1], [null, null]].map(([human, generated]) => ({
    human,
    generated,
  }));
  assert.deepEqual(scores, expected);
  assert.deepEqual(done, [1, 2, 4]);
});

Deno.test("ensembleJudge() takes equal weights for a tie, however they add up", async () => {
  const votes = [[0, 1], [0, 1], [1, 0]] as [number, number][];
  const weights = [0.1, 0.2, 0.3];
  const judge = ensembleJudge(votes.map((vote, i) => member(`${i}`, judgeOf("x", [vote]), { weight: weights[i]! })));
  const [score] = await judge.score([responseRow(0)], () => {});
  assert.deepEqual(score, { human: 0.5, generated: 0.5 });
});

Deno.test("ensembleJudge() tells of agreement and adds what its judges count", async () => {
  const counts = (cost: number) => ({ metrics: () => ({ "labels/cost": cost }), notes: () => [`cost ${cost}`] });
  const a = judgeOf("a", [[0, 1], [0, 1], [1, 0], null], counts(1));
  const b = judgeOf("b", [[0, 1], [1, 0], [1, 0], [1, 0]], counts(2));
  const rows = [0, 1, 2, 3].map((row) => responseRow(row));
  const two = ensembleJudge([member("a", a), member("b", b)]);
  await two.score(rows, () => {});
  // Both agree on 2 of 3; by chance 2/3·1/3 + 1/3·2/3 = 4/9.
  assertClose(Object.values(two.metrics!()), [3, 2 / 3, (2 / 3 - 4 / 9) / (5 / 9)], { rtol: 1e-12 });
  assert.deepEqual(Object.keys(two.metrics!()), ["labels/cost", "labels/agreement", "labels/kappa"]);
  assert.deepEqual(two.notes!(), [
    "cost 1",
    "cost 2",
    "Agreement of a+b: 66.7 % of 3 rows, Cohen's kappa 0.400 (1: always, 0: as by chance)",
  ]);
  const three = ensembleJudge([member("a", a), member("b", b), member("b-2", b)]);
  await three.score(rows, () => {});
  assert.equal(three.metrics!()["labels/agreement/b+b-2"], 1);
  assert.equal(three.metrics!()["labels/kappa/b+b-2"], 1);
  assertClose(three.metrics!()["labels/agreement"]!, (2 / 3 + 2 / 3 + 1) / 3, { rtol: 1e-12 });
});

Deno.test("voteOf() is for neither within the margin, to both sides", () => {
  const vote = (human: number, generated: number): Vote => voteOf({ human, generated }, 2);
  assert.deepEqual([vote(0, 3), vote(0, 2), vote(0, 0), vote(2, 0), vote(3, 0)], [1, 0, 0, 0, -1]);
  assert.equal(voteOf({ human: null, generated: 1 }, 0), null);
});

Deno.test("agreement() is Cohen's share and kappa", () => {
  // The example of the literature: 20 and 15 of 50 agreed, 5 and 10 not; kappa 0.4.
  const repeat = (a: Vote, b: Vote, times: number): [Vote, Vote][] => new Array(times).fill([a, b]);
  const pairs = [
    ...repeat(1, 1, 20),
    ...repeat(1, -1, 5),
    ...repeat(-1, 1, 10),
    ...repeat(-1, -1, 15),
    ...repeat(null, 1, 3),
  ];
  const { rows, share, kappa } = agreement(pairs.map(([a]) => a), pairs.map(([, b]) => b));
  assert.equal(rows, 50);
  assertClose([share, kappa], [0.7, 0.4], { rtol: 1e-12 });
  const same = agreement([0, 0], [0, 0]);
  assert.deepEqual([same.share, same.kappa], [1, 1]);
  assert.equal(agreement([null], [1]).rows, 0);
});
