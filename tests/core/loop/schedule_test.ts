import { deepEqual, rejects, throws } from "node:assert/strict";
import type { ResolvedConfig } from "../../../core/config/config.ts";
import {
  generateStep,
  labelStep,
  needsOf,
  optimizeStep,
  type Step,
  trainSchedule,
} from "../../../core/loop/schedule.ts";
import { checkSteps } from "../../../core/loop/schedule_checks.ts";
import { runLabel } from "../../../core/loop/single_stages.ts";
import { configOf, withInput } from "./_runs.ts";

/** A step in short: what it is, the model that it reads, and its rows where it trains. */
function short(step: Step, dir: string): string {
  const { stage, model } = step;
  const own = (path: string): string => path.replace(`${dir}/run/`, "");
  const read = model === null ? "nothing" : "name" in model ? "base" : own(model.folder);
  if (step.stage !== "optimize") return `${stage} ${read}`;
  const { rows } = step;
  const files = rows === "data" ? "data" : "name" in rows ? "named" : rows.files.map(own).join(" ");
  return `${stage} ${read} on ${files}`;
}

async function rounds(dir: string, keys: Record<string, unknown>, hasPairs = false): Promise<string[][]> {
  const config = await configOf(dir, keys);
  return trainSchedule(config, { hasPairs }).map(({ steps }) => steps.map((step) => short(step, dir)));
}

Deno.test("trainSchedule() generates, labels and optimizes from the model before, and evaluates the start and each result", () =>
  withInput(async (dir) => {
    const data = { train: `${dir}/rows.jsonl`, eval: `${dir}/rows.jsonl` };
    deepEqual(await rounds(dir, { data, iterations: 2 }), [
      ["evaluate base"],
      ["generate base", "label base", "optimize base on iteration-0/pairs.jsonl", "evaluate iteration-0/model"],
      [
        "generate iteration-0/model",
        "label iteration-0/model",
        "optimize iteration-0/model on iteration-1/pairs.jsonl",
        "evaluate iteration-1/model",
      ],
    ]);
  }));

Deno.test("trainSchedule() follows start_from, mix_previous, method sft, and pairs that are there", () =>
  withInput(async (dir) => {
    const [, , second] = await rounds(dir, { iterations: 2, start_from: "base", mix_previous: true });
    deepEqual(second, [
      "generate iteration-0/model",
      "label iteration-0/model",
      "optimize base on iteration-1/pairs.jsonl iteration-0/pairs.jsonl",
    ]);
    const sft = { method: "sft", iterations: 2, start_from: "base" };
    deepEqual(await rounds(dir, sft), [[], ["optimize base on data"], ["optimize iteration-0/model on data"]]);
    const dpo = { method: "dpo", iterations: 2, mix_previous: true };
    deepEqual(await rounds(dir, dpo, true), [[], ["optimize base on data"], ["optimize iteration-0/model on data"]]);
  }));

Deno.test("a stage by itself has the model of the iteration before where that is there", () =>
  withInput(async (dir) => {
    const config = await configOf(dir, { iteration: 1, pairs: `${dir}/pairs.jsonl` });
    const all = async (config: ResolvedConfig): Promise<string[]> =>
      [await generateStep(config), await labelStep(config), optimizeStep(config, "pairs"), optimizeStep(config, "sft")]
        .map((step) => short(step, dir));
    const training = ["optimize base on named", "optimize base on data"];
    deepEqual(await all(config), ["generate base", "label base", ...training]);
    await Deno.mkdir(`${dir}/run/iteration-0/model`, { recursive: true });
    deepEqual(await all(config), ["generate iteration-0/model", "label iteration-0/model", ...training]);
    const { model: _, ...without } = await configOf(dir, { iteration: 2 });
    deepEqual((await labelStep(without as ResolvedConfig)).model, null);
  }));

Deno.test("needsOf() names the models and data sets that steps read, and nothing that the run makes", () =>
  withInput(async (dir) => {
    const labels = [{ judge: "human" }, { judge: "logprob", model: `${dir}/judge` }];
    const data = { train: ["a/one", "b/two"], eval: "held/out" };
    const config = await configOf(dir, { labels, data, iterations: 2 });
    const needs = needsOf(trainSchedule(config, { hasPairs: false }).flatMap(({ steps }) => steps));
    const distinct = [...new Set(needs.map((need) => JSON.stringify(need)))].map((need) => JSON.parse(need));
    deepEqual(distinct, [
      { kind: "model", name: `${dir}/model` },
      { kind: "data", source: ["a/one", "b/two"] },
      { kind: "eval", source: "held/out" },
      { kind: "model", name: `${dir}/judge`, isJudge: true },
    ]);
    const alone = await configOf(dir, { pairs: "some/pairs" });
    deepEqual(needsOf([optimizeStep(alone, "pairs")]), [
      { kind: "model", name: `${dir}/model` },
      { kind: "data", source: "some/pairs" },
    ]);
  }));

Deno.test("checkSteps() refuses noise on a loss without a reference", () =>
  withInput(async (dir) => {
    const step = optimizeStep(await configOf(dir, { noise: { update: "joint" }, pairs: "p.jsonl" }), "pairs");
    checkSteps([step], {});
    const { settings } = step;
    const changed = { ...settings, training: { ...settings.training, loss_type: "sft" as const } };
    throws(
      () => checkSteps([{ ...step, settings: changed }], {}),
      /^UserError: Cannot train with noise and loss_type sft: the noise is on a reference, which sft does not have; expected noise: none$/,
    );
  }));

Deno.test("checkSteps() refuses to train all of quantized weights", () =>
  withInput(async (dir) => {
    const keys = { quantization: "int4", pairs: "p.jsonl" };
    checkSteps([optimizeStep(await configOf(dir, { ...keys, lora: {} }), "pairs")], {});
    const step = optimizeStep(await configOf(dir, keys), "pairs");
    throws(
      () => checkSteps([step], {}),
      /^UserError: Cannot train all weights with quantization int4: quantized weights stay as they are, expected lora to be set, or quantization: none$/,
    );
  }));

Deno.test("a verifier that may not run is refused before the run's folder is made", () =>
  withInput(async (dir) => {
    const config = await configOf(dir, { labels: { judge: "verifier", verifier: `${dir}/verifier.ts` } });
    await rejects(
      runLabel(config, { allowVerifier: false }),
      /^UserError: Cannot run verifier .*: --no-verifier forbids/,
    );
    await rejects(Deno.stat(config.output_dir), Deno.errors.NotFound);
  }));
