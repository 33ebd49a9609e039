/**
 * Checks, before the device is opened, that what a schedule's steps read can be read, and what they load can be loaded:
 * hours of answers would be lost on a row that is malformed, or on a module with a typing mistake. @module
 */
import { type ModelFolder, openModelFolder } from "../checkpoint/model_folder.ts";
import type { ResolvedConfig } from "../config/config.ts";
import { sourceName } from "../data/formats/data_sources.ts";
import { tokenizerOf } from "../data/tokenizer/tokenizer.ts";
import { UserError } from "../error.ts";
import { exists } from "../files/io.ts";
import { checkJudgesLoad, checkVerifierLoads } from "../label/check_judges.ts";
import { checkTrainable } from "../model/trainable_weights.ts";
import type { CheckContext, FolderContext, RunHooks } from "../run/run_context.ts";
import { checkNoiseFile } from "../train/noise_file.ts";
import { checkRank, isNoiseFile, noiseShape } from "../train/noise_generator.ts";
import { planFirst } from "./first_adapter.ts";
import { keptBenchmarks } from "./kept_benchmarks.ts";
import { readAnswers } from "./label_stage.ts";
import { folderOf } from "./model_ref.ts";
import { readExamples, readHeldOut, type ReadSet, readTrainingRows } from "./read_rows_of_step.ts";
import { evaluatesSteps, type Step } from "./schedule.ts";

/**
 * Throws a UserError if one of `steps`, which are left to do, would fail for a file of rows, a judge, a verifier or the
 * noise's first values. Tells `onRows` what the run will see of its data; each kind of step reads the same rows in every
 * iteration, and they stay encoded.
 */
export async function checkStart(
  context: CheckContext,
  steps: readonly Step[],
  { onRows }: Pick<RunHooks, "onRows"> = {},
): Promise<void> {
  const checked = new Set<string>();
  const isNew = (...values: unknown[]): boolean => {
    const key = JSON.stringify(values);
    return !checked.has(key) && checked.add(key).has(key);
  };
  for (const step of steps) {
    const { stage, settings } = step;
    const { labels, noise } = settings;
    if (stage === "optimize" && noise !== "none" && isNew("noise", noise.init, noise.rank)) {
      checkRank(noiseShape((await readerOf(context, step)).config, noise));
      if (isNoiseFile(noise.init)) await checkNoiseFile(noise.init);
    }
    if (stage === "label" && isNew("judges", labels)) await checkJudgesLoad(context, labels);
    if (stage === "evaluate" && labels.verifier !== undefined && isNew("verifier", labels)) {
      await checkVerifierLoads(context, { ...labels, verifier: labels.verifier });
    }
  }
  const hasEvaluation = steps.some(({ stage }) => stage === "evaluate");
  for (const step of steps) {
    const { settings, stage } = step;
    if (stage === "optimize" && !hasEvaluation && evaluatesSteps(settings) && isNew("held-out rows")) {
      const folder = await readerOf(context, step);
      const tokenizer = await tokenizerOf(folder.files, settings.data);
      const onRead = ({ name, report: { rows, kept } }: ReadSet): void =>
        onRows?.({ name, isHeldOut: true, kind: "examples", rows, kept });
      await readHeldOut(context, { model: folder, tokenizer, settings, onRead });
    }
    if (readsRows(step) && isNew("rows", stage)) await checkRows(context, step, onRows);
    if (step.stage === "benchmark" && isNew("benchmarks")) {
      const { checkBenchmarks } = await import("./check_benchmarks.ts");
      await checkBenchmarks(context, { step, folder: await readerOf(context, step) });
    }
  }
}

/** Throws a UserError if answers that a run which goes on has made, and has yet to label, are malformed. */
export async function checkAnswers(steps: readonly Step[]): Promise<void> {
  for (const { stage, paths } of steps) {
    if (stage === "label" && await exists(paths.responses)) await readAnswers(paths);
  }
}

/** Whether the rows of a step are there before the run makes any. */
function readsRows(step: Step): boolean {
  if (step.stage === "optimize") return step.rows === "data" || "name" in step.rows;
  return step.stage !== "label" && step.stage !== "benchmark";
}

async function checkRows(context: CheckContext, step: Step, onRows: RunHooks["onRows"]): Promise<void> {
  const { settings, stage } = step;
  const folder = await readerOf(context, step);
  const onRead = ({ name, report: { rows, kept } }: ReadSet, kind: "examples" | "pairs" = "examples"): void =>
    onRows?.({ name, isHeldOut: stage === "evaluate", kind, rows, kept });
  if (step.stage === "optimize") return void await readTrainingRows(context, { folder, step, onRead });
  const tokenizer = await tokenizerOf(folder.files, settings.data);
  const shared = { model: folder, tokenizer, settings, onRead };
  if (stage !== "evaluate") return void await readExamples(context, shared);
  const { pairs } = await readHeldOut(context, shared);
  checkPicking(context.config, { hasPairs: pairs !== null });
}

/** Throws a UserError if iterations are told better or worse by a measure of pairs that held-out rows do not have. */
function checkPicking(
  { training, data }: Pick<ResolvedConfig, "training" | "data">,
  { hasPairs }: { hasPairs: boolean },
): void {
  const { metric_for_best_model: metric = "eval_loss", load_best_model_at_end, early_stopping_patience } = training;
  const isUsed = load_best_model_at_end || early_stopping_patience !== undefined;
  if (!isUsed || hasPairs || metric === "eval_loss" || !metric.startsWith("eval_")) return;
  throw new UserError(
    `Cannot pick iterations by training.metric_for_best_model ${metric}: no pairs are measured on ` +
      `${
        sourceName(data.eval!)
      }, expected a chosen and a rejected answer in each row, and a loss that compares pairs ` +
      "(or eval_loss)",
  );
}

/** The model that reads a step's rows; in place of one that the run will make, the one that it begins with. */
async function readerOf({ config, sources }: CheckContext, { model }: Step): Promise<ModelFolder> {
  const ref = config.model === undefined ? model! : { name: config.model };
  return await openModelFolder(await sources.filesIn(await folderOf({ sources }, ref)));
}

/** Throws a UserError if the model that a run begins with cannot be trained as the config says. */
export async function checkBase(
  sources: FolderContext["sources"],
  { model, lora }: Pick<ResolvedConfig, "model" | "lora">,
): Promise<void> {
  const files = await sources.filesIn(await sources.model(model!));
  const folder = await openModelFolder(files);
  if (lora === undefined) checkTrainable(folder);
  else if (!files.adapter) await planFirst(sources, folder.config, lora);
}

/** The steps whose work is not there; with `hasOtherEval` evaluations are made again. */
export async function stepsLeft(
  context: Pick<FolderContext, "checksums">,
  steps: readonly Step[],
  { hasOtherEval }: { hasOtherEval: boolean },
): Promise<Step[]> {
  const left: Step[] = [];
  for (const step of steps) {
    if (hasOtherEval && step.stage === "evaluate" || !await isThere(context, step)) left.push(step);
  }
  return left;
}

async function isThere(context: Pick<FolderContext, "checksums">, step: Step): Promise<boolean> {
  // Of benchmarks it is known too that others were asked.
  if (step.stage === "benchmark") return await keptBenchmarks(context, step) !== null;
  const { stage, paths: { responses, pairs, model, adapter, evaluation } } = step;
  const made = {
    generate: [responses, pairs, model, adapter],
    label: [pairs, model, adapter],
    optimize: [model, adapter],
    // Whether a file's rows have changed is known once they are read.
    evaluate: [evaluation],
  }[stage];
  for (const path of made) if (await exists(path)) return true;
  return false;
}
