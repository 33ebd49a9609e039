import { deepEqual } from "node:assert/strict";
import { idleScoreKeys } from "../../../core/run/telling_scores.ts";

const MEANS = [
  "sampled_score",
  "sampled_score_stderr",
  "greedy_score",
  "greedy_score_stderr",
  "score_min",
  "score_max",
];

Deno.test("idleScoreKeys() leaves out mean scores that are shares, and shares of scores that are not from 0 to 1", () => {
  const right = { sampled: 0.5, sampled_score: 0.5, greedy: 1, greedy_score: 1, score_min: 0, score_max: 1 };
  deepEqual([...idleScoreKeys([right])], MEANS);
  // An evaluation of before mean scores were kept, and one without a verifier.
  deepEqual([...idleScoreKeys([{ sampled: 0.5, greedy: 1 }, {}])], MEANS);
  deepEqual([...idleScoreKeys([right, { ...right, greedy_score: 0.75, greedy: 0.5 }])], []);
  deepEqual([...idleScoreKeys([right, { ...right, sampled_score: 2, score_max: 3.5 }])], ["sampled", "greedy"]);
  // Here mean and share are the same by chance.
  deepEqual([...idleScoreKeys([{ ...right, score_min: -1, score_max: 2 }])], ["sampled", "greedy"]);
});
