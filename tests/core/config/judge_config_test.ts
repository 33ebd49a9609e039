import assert from "node:assert/strict";
import { JUDGES, MEMBER_JUDGES } from "../../../core/config/choices.ts";
import { forIteration, judgeOf, judgesOf, loadConfig, SERVER_DEFAULTS } from "../../../core/config/config.ts";
import { judgeDefaults } from "../../../core/config/filled_defaults.ts";
import { keyNeededBy } from "../../../core/config/judge_config.ts";

/** The labels of a config with overrides. */
async function labelsOf(...set: string[]) {
  return forIteration(await loadConfig(undefined, { set }), 0).labels;
}

Deno.test("judgeOf() has what the judge takes, filled in, and nothing of other judges", async () => {
  const all = ["labels.model=m", "labels.verifier=v.ts", "labels.server_model=s", "labels.max_tokens=9"];
  assert.deepEqual(judgeOf(await labelsOf(...all)), { judge: "human", margin: 0 });
  assert.deepEqual(judgeOf(await labelsOf("labels.judge=verifier", ...all)), {
    judge: "verifier",
    verifier: "v.ts",
    verifier_timeout: 60,
    margin: 0,
  });
  assert.deepEqual(judgeOf(await labelsOf("labels.judge=logprob", ...all)), {
    judge: "logprob",
    model: "m",
    margin: 0,
  });
  assert.deepEqual(judgeOf(await labelsOf("labels.judge=reward-model", "labels.reward_label=0", ...all)), {
    judge: "reward-model",
    model: "m",
    reward_label: 0,
    margin: 0,
  });
  assert.deepEqual(judgeOf(await labelsOf("labels.judge=self", ...all)), {
    judge: "self",
    mode: "score",
    max_tokens: 9,
    max_invalid: 0.05,
    margin: 0,
  });
  const llm = judgeOf(await labelsOf("labels.judge=llm", ...all));
  assert(llm.judge === "llm");
  assert.deepEqual([llm.server_model, llm.max_tokens, llm.timeout, llm.base_url], [
    "s",
    9,
    120,
    "https://api.openai.com/v1",
  ]);
});

Deno.test("judgeOf() fills in what a config that was not loaded leaves out", () => {
  const judge = judgeOf({ judge: "llm", server_model: "m", temperature: 1, verifier_timeout: 60, margin: 0 });
  assert(judge.judge === "llm");
  assert.deepEqual([judge.temperature, judge.concurrency], [1, 8]);
});

Deno.test("judgesOf() are the members of an ensemble, or the one judge", async () => {
  const ensemble = await labelsOf("labels={judge: ensemble, judges: [{judge: self}, {judge: logprob, model: m}]}");
  assert.deepEqual(judgesOf(ensemble).map((judge) => judgeOf(judge).judge), ["self", "logprob"]);
  const judge = judgeOf(ensemble);
  assert(judge.judge === "ensemble");
  assert.deepEqual(judge.judges.map(({ weight }) => weight), [1, 1]);
  assert.deepEqual(judgesOf(await labelsOf("labels.judges=[{judge: self}]")).map(({ judge }) => judge), ["human"]);
});

Deno.test("a judge needs at most one key, and judgeOf() refuses it without", async () => {
  assert.deepEqual(JUDGES.map(keyNeededBy), [
    undefined,
    "verifier",
    "model",
    "model",
    "server_model",
    undefined,
    "judges",
    undefined,
  ]);
  for (const judge of JUDGES) {
    const labels = await labelsOf(`labels.judge=${judge}`);
    const needed = keyNeededBy(judge);
    if (needed === undefined) judgeOf(labels);
    else {
      assert.throws(() => judgeOf(labels), {
        name: "UserError",
        message: `Judge ${judge} needs "${needed}", which is not set`,
      });
    }
  }
  assert.deepEqual(JUDGES.filter((judge) => !["human", "ensemble", "function"].includes(judge)), [...MEMBER_JUDGES]);
});

Deno.test("defaults are filled in in the order of the resolved configs of runs so far", () => {
  assert.deepEqual(Object.keys(judgeDefaults("llm")), [
    "mode",
    "base_url",
    "temperature",
    "max_tokens",
    "concurrency",
    "max_retries",
    "timeout",
    "max_invalid",
  ]);
  assert.deepEqual(Object.keys(judgeDefaults("self")), ["mode", "max_tokens", "max_invalid"]);
  assert.deepEqual(Object.keys(SERVER_DEFAULTS), ["concurrency", "max_retries", "timeout"]);
  for (const judge of ["human", "verifier", "logprob", "reward-model", "ensemble"] as const) {
    assert.deepEqual(judgeDefaults(judge), {});
  }
});
