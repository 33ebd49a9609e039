import assert from "node:assert/strict";
import { forIteration, forSft, loadConfig, requireFor, type Stage } from "../../../core/config/config.ts";
import { UserError } from "../../../core/error.ts";

/** Loads the defaults with overrides. */
function withSet(...set: string[]) {
  return loadConfig(undefined, { set });
}

Deno.test("forIteration() takes an entry per iteration, and the last one from there on", async () => {
  const config = await withSet(
    "training.learning_rate=[5e-7, 1e-7]",
    "training.beta=[0.1, 0.2, 5.0]",
    "labels=[{judge: human}, {judge: logprob, model: m, margin: 1}]",
    "noise=[none, {update: none}, {update: alternating, noise_steps: 2}]",
  );
  const seen = [0, 1, 2, 3].map((k) => forIteration(config, k));
  assert.deepEqual(seen.map(({ iteration }) => iteration), [0, 1, 2, 3]);
  assert.deepEqual(seen.map(({ training }) => training.learning_rate), [5e-7, 1e-7, 1e-7, 1e-7]);
  assert.deepEqual(seen.map(({ training }) => training.beta), [0.1, 0.2, 5, 5]);
  assert.deepEqual(seen.map(({ labels }) => labels.judge), ["human", "logprob", "logprob", "logprob"]);
  assert.deepEqual(seen.map(({ noise }) => noise === "none" ? noise : noise.update), [
    "none",
    "none",
    "alternating",
    "alternating",
  ]);
  assert.equal(seen[3]!.training.save_steps, config.training.save_steps);
});

Deno.test("forIteration() gives single settings to every iteration", async () => {
  const config = await withSet("training.beta=0.3");
  assert.equal(forIteration(config, 7).training.beta, 0.3);
  assert.deepEqual(forIteration(config, 7).noise, config.noise);
});

Deno.test("forSft() trains cross-entropy on human responses whatever the method", async () => {
  const config = await withSet("training.loss_type=robust", "training.label_smoothing=0.1", "labels.judge=verifier");
  const settings = forSft(config);
  assert.equal(settings.training.loss_type, "sft");
  assert.equal(settings.training.label_smoothing, 0);
  assert.equal(settings.labels.judge, "human");
  assert.equal(settings.noise, "none");
});

Deno.test.each<[Stage, string[], string]>([
  ["sft", [], "model"],
  ["sft", ["model=m"], "data.train"],
  ["generate", ["data.train=a"], "model"],
  ["generate", ["model=m"], "data.train"],
  ["optimize", ["model=m"], "pairs"],
  ["optimize", ["pairs=p"], "model"],
  ["train", ["model=m"], "data.train"],
  ["score", ["model=m"], "pairs"],
  ["label", ["labels.judge=logprob"], "labels.model"],
  ["label", ["labels.judge=verifier"], "labels.verifier"],
  ["label", ["labels.judge=ensemble", "labels.judges=[{judge: logprob}]"], "labels.judges.0.model"],
  ["label", ["iteration=1", "labels=[{}, {judge: logprob}]"], "labels.1.model"],
  ["train", ["model=m", "data.train=a", "iterations=3", "labels=[{}, {judge: verifier}]"], "labels.1.verifier"],
])("requireFor(%s) with %j names the missing key", async (stage, set, key) => {
  const config = await withSet(...set);
  assert.throws(() => requireFor(stage, config), (error) => {
    assert(error instanceof UserError);
    assert.match(
      error.message,
      new RegExp(`^Cannot run ${stage}: "${key}"[^\\n]* is not set; set it in the config or with`),
    );
    return true;
  });
});

Deno.test.each<[Stage, string[]]>([
  ["sft", ["model=m", "data.train=a"]],
  ["generate", ["model=m", "data.train=a", "labels.judge=logprob"]],
  ["label", []],
  ["label", ["labels=[{}, {judge: verifier}]"]],
  ["label", ["labels.judges=[{judge: logprob}]"]],
  ["optimize", ["model=m", "pairs=p", "labels.judge=verifier"]],
  ["train", ["model=m", "data.train=a"]],
  ["train", ["model=m", "data.train=a", "iterations=1", "labels=[{}, {judge: verifier}]"]],
  ["train", ["model=m", "data.train=a", "iterations=9000000", "labels.judge=logprob", "labels.model=j"]],
  ["score", ["model=m", "pairs=p"]],
])("requireFor(%s) with %j is content", async (stage, set) => {
  requireFor(stage, await withSet(...set));
});
