/** Stage 4: the model is evaluated on held-out rows. @module */
import { openModelFolder } from "../checkpoint/model_folder.ts";
import { tokenizerOf } from "../data/tokenizer/tokenizer.ts";
import { UserError, withAdvice } from "../error.ts";
import { accuracy } from "../evaluate/verifier_accuracy.ts";
import { writeFileAtomic } from "../files/atomic.ts";
import { exists, readJsonObject } from "../files/io.ts";
import { digestText } from "../files/stream_digest.ts";
import { loadVerifier, verifierLimit } from "../label/verifier_judge.ts";
import { checkVerifierAllowed } from "../label/verifier_use.ts";
import { freeModel, loadFrozenModel } from "../model/model.ts";
import { appendTiming } from "../run/metrics_log.ts";
import { type RunContext, throwIfStopped } from "../run/run_context.ts";
import { PAIR_MEASURES, type PairMeasures, pairMeasures, scoredRows, scoreHeldOut } from "../train/held_out.ts";
import { quote } from "../values.ts";
import { runReference } from "./held_out_reference.ts";
import { folderOf } from "./model_ref.ts";
import { readHeldOut } from "./read_rows_of_step.ts";
import type { EvaluateStep } from "./schedule.ts";
import { shareModel } from "../run/share_model.ts";

/**
 * The result of an evaluation, with accuracies only if the config names a verifier, and measures of pairs, against the
 * model that the run began with, only if the rows are such.
 */
export interface Evaluation extends Partial<PairMeasures> {
  /** Rows evaluated. */
  rows: number;
  /** Token-mean cross-entropy of the held-out responses, in nats. */
  loss: number;
  /** Share of right answers, those with a score of 1 or more, at temperature 0. */
  greedy?: number;
  /** The verifier's mean score at temperature 0; absent in what was evaluated before it was kept, as what follows. */
  greedy_score?: number;
  /** Its standard error over the rows, with n − 1 in the deviation; absent for one row. */
  greedy_score_stderr?: number;
  /** Share of right answers with the config's sampling settings. */
  sampled?: number;
  /** The verifier's mean score with the config's sampling settings. */
  sampled_score?: number;
  /** Its standard error. */
  sampled_score_stderr?: number;
  /** The lowest of all these scores. */
  score_min?: number;
  /** The highest of them. */
  score_max?: number;
  /** Rows with a chosen and a rejected answer; absent, with all measures of pairs, if the rows have one answer. */
  pairs?: number;
  /** SHA-256 of the rows' token ids; absent in what was evaluated before it was kept. */
  data?: string;
}

/**
 * Evaluates the model on `data.eval` and writes the result, or reads it if it is there already. Throws UserError,
 * DeviceError, or StoppedError.
 */
export async function evaluateStage(
  context: RunContext,
  { iteration, settings, model: ref, paths: { evaluation: path } }: EvaluateStep,
): Promise<Evaluation> {
  const { data, generation } = settings;
  const kept = await keptEvaluation(context, path);
  if (kept !== null) return kept;
  const { labels } = settings;
  const { verifier: verifierPath } = labels;
  if (verifierPath !== undefined) {
    checkVerifierAllowed({ ...labels, verifier: verifierPath }, context, "the evaluation needs it");
  }
  const dir = await folderOf(context, ref);
  const files = await context.sources.filesIn(dir);
  const tokenizer = await tokenizerOf(files, data);
  const rows = await readHeldOut(context, { model: await openModelFolder(files), tokenizer, settings });
  const { prompts: examples, pairs } = rows;
  const scored = scoredRows(rows);
  const total = scored + (verifierPath === undefined ? 0 : 2 * examples.length);
  const progress = (done: number): void => {
    context.onProgress({ stage: "evaluate", ...(iteration >= 0 && { iteration }), done, total });
    if (done < total) throwIfStopped(context);
  };
  const started = performance.now();
  progress(0);
  // Where it is not there yet, it is computed before the model takes its memory.
  const isStart = "name" in ref;
  const asked = pairs && { pairs, settings, onDone: () => progress(0) };
  const reference = asked === null || isStart ? null : await runReference(context, asked);
  const loaded = await loadFrozenModel(context.device, files, settings);
  try {
    const model = await shareModel(context, loaded, { dir, quantization: settings.quantization });
    const known = asked !== null && isStart
      ? await runReference(context, { ...asked, base: model, onDone: progress })
      : null;
    const { loss, logps } = await scoreHeldOut(context.commands, model, { rows, known, onDone: progress });
    const ids = examples.map(({ promptIds, responseIds }) => [promptIds, responseIds]);
    const pairIds = pairs?.map(({ promptIds, chosenIds, rejectedIds }) => [promptIds, chosenIds, rejectedIds]);
    const evaluation: Evaluation = {
      rows: examples.length,
      loss,
      ...(pairs && {
        pairs: pairs.length,
        ...pairMeasures({ pairs, policy: logps!, reference: reference ?? known!, training: settings.training }),
      }),
      data: digestText(JSON.stringify(pairIds === undefined ? ids : [ids, pairIds])),
    };
    if (verifierPath !== undefined) {
      // Answers are planned as scoring is, each for itself.
      context.commands.release();
      using verifier = await loadVerifier(verifierPath, verifierLimit(labels), context.onNote);
      const shared = {
        examples,
        tokenizer,
        verifier,
        maxLength: data.max_length,
        iteration: Math.max(0, iteration),
      };
      for (const [i, name] of (["greedy", "sampled"] as const).entries()) {
        const { share, score, stderr, least, most } = await accuracy(context.commands, model, {
          ...shared,
          settings: name === "greedy" ? { ...generation, temperature: 0 } : generation,
          onDone: (done) => progress(scored + i * examples.length + done),
        });
        evaluation[name] = share;
        evaluation[`${name}_score`] = score;
        if (stderr !== null) evaluation[`${name}_score_stderr`] = stderr;
        evaluation.score_min = Math.min(least, evaluation.score_min ?? least);
        evaluation.score_max = Math.max(most, evaluation.score_max ?? most);
      }
    }
    const text = JSON.stringify(evaluation, null, 2) + "\n";
    await context.checksums.placeFile(path, digestText(text), () => writeFileAtomic(path, text));
    await appendTiming(context, { iteration, stage: "evaluate", seconds: (performance.now() - started) / 1000 });
    return evaluation;
  } finally {
    freeModel(loaded);
  }
}

/** The result of an evaluation that is done; null if it is not. Throws a UserError for one that was changed. */
export async function keptEvaluation(
  { checksums }: Pick<RunContext, "checksums">,
  path: string,
): Promise<Evaluation | null> {
  if (!await exists(path)) return null;
  const advice = "delete the file to evaluate again";
  await checksums.checkResult(path, advice);
  return await withAdvice(readEvaluation(path), advice);
}

/** Reads the result of an evaluation. Throws a UserError naming a malformed key. */
async function readEvaluation(path: string): Promise<Evaluation> {
  const values = await readJsonObject(path);
  const check = (
    key: keyof Evaluation,
    { min, max, required }: { min: number; max: number; required: boolean },
  ): void => {
    const value = values[key];
    if (value === undefined && !required) return;
    if (typeof value === "number" && value >= min && value <= max) return;
    throw new UserError(`Cannot read ${path}: "${key}" is ${quote(value)}, expected a number from ${min} to ${max}`);
  };
  check("rows", { min: 1, max: Number.MAX_SAFE_INTEGER, required: true });
  // JSON writes a loss that is not finite as null.
  if (values.loss === null) values.loss = NaN;
  else check("loss", { min: 0, max: Number.MAX_VALUE, required: true });
  for (const key of ["greedy", "sampled"] as const) {
    check(key, { min: 0, max: 1, required: false });
    check(`${key}_score`, { min: -Number.MAX_VALUE, max: Number.MAX_VALUE, required: false });
    check(`${key}_score_stderr`, { min: 0, max: Number.MAX_VALUE, required: false });
  }
  check("pairs", { min: 1, max: Number.MAX_SAFE_INTEGER, required: false });
  for (const key of PAIR_MEASURES) if (values[key] === null) values[key] = NaN;
  for (const key of ["score_min", "score_max", ...PAIR_MEASURES] as const) {
    if (Number.isNaN(values[key])) continue;
    check(key, { min: -Number.MAX_VALUE, max: Number.MAX_VALUE, required: false });
  }
  if (values.data !== undefined && typeof values.data !== "string") {
    throw new UserError(`Cannot read ${path}: "data" is ${quote(values.data)}, expected the SHA-256 of the rows`);
  }
  return values as unknown as Evaluation;
}
