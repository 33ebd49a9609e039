/** The optimize stage: every optimizer step of an iteration, logged, saved and resumable. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import { checkSameModel, type FileDigests } from "../checkpoint/folder_identity.ts";
import type { IterationConfig } from "../config/config_types.ts";
import { checkSameSettings } from "../config/settings_difference.ts";
import type { Crew } from "../cluster/crew.ts";
import { StoppedError } from "../error.ts";
import type { LineLog } from "../files/json_lines.ts";
import type { AnyModel } from "../model/model.ts";
import type { ParameterBuffers } from "../model/parameter_buffers.ts";
import type { Parameters as ModelParameters } from "../model/parameters.ts";
import type { Scorer } from "../model/scorer.ts";
import type { OnProgress } from "../progress.ts";
import { distributionOf } from "./distribution.ts";
import { addRejectedLogps, keptReferenceLogps } from "./kept_reference.ts";
import { LOSSES } from "./losses/losses.ts";
import { OptimizeCrew } from "./optimize_crew.ts";
import type { ReferenceLogps } from "./reference_logps.ts";
import { loadState, newestState, readStateRecord, saveState } from "./resume_state.ts";
import { type LogpsRequest, RowTrainer } from "./row_trainer.ts";
import type { Origin, StateRecord } from "./state_record.ts";
import { type HeldOutSet, StepEvaluation } from "./step_evaluation.ts";
import { meanMetrics, type StepMetrics } from "./step_metrics.ts";
import { REJECTED_LOGPS } from "./trainer.ts";
import { fingerprint, type TrainingRows } from "./training_rows.ts";

/** What an optimize stage works on. */
export interface OptimizeOptions {
  commands: Commands;
  /** The policy as the iteration starts from it. Its adapters, or else its weights, are trained in place. */
  model: AnyModel;
  /** The frozen reference, which only noise needs on the device; null without noise. */
  reference: ModelParameters | null;
  /** The reference, which scores the rows once, before the first step (default: the policy as it begins). */
  scorer?: Scorer;
  /** File that keeps the reference's log-probabilities; `sft` does not use it. */
  referencePath: string;
  data: TrainingRows;
  settings: IterationConfig;
  /** The digests of the model's files. */
  files: FileDigests;
  /** Rows that are evaluated every `training.eval_steps`, if that is set (default: none). */
  heldOut?: HeldOutSet | null;
  /** Folder of the resume states. */
  stateDir: string;
  /** Opens the log and keeps this iteration's lines up to `step`. */
  openLog: (step: number) => Promise<LineLog>;
  onProgress: OnProgress;
  /** Gets the path of a state that has no checksum. */
  onUnchecked?: (path: string) => void;
  /** Gets a line where what is kept of the reference is computed again. */
  onNote?: (line: string) => void;
  /** Abort it to stop the run after the current step. */
  signal?: AbortSignal;
  /** The other ranks of the job (default: there are none). */
  crew?: Crew | null;
  /** What other ranks compare of what training begins with besides the model's files (default: nothing). */
  start?: Readonly<Record<string, string>>;
}

/** What an optimize stage leaves behind, besides the trained weights. */
export interface OptimizeResult {
  /** Optimizer steps of the iteration. */
  steps: number;
  /** The last logged line's numbers. */
  last: StepMetrics;
  /** The noise generator's values, null without noise. */
  noise: ParameterBuffers | null;
  /** Steps that were skipped because of a NaN or Inf (`on_nan: skip`). */
  skipped: number;
  /** Frees the trainer's buffers. */
  free(): void;
}

/**
 * Runs the stage, or the rest of it if `stateDir` holds a state. Throws DeviceError, StoppedError if the signal stopped
 * it (finished steps are saved), or a UserError at a step with NaN or Inf, and for a state made with other settings or
 * data.
 */
export async function optimize(options: OptimizeOptions): Promise<OptimizeResult> {
  const { commands, model, data, settings, reference, stateDir } = options;
  const saved = await newestState(stateDir);
  const { record, isSealed } = saved === null ? { record: null, isSealed: true } : await readStateRecord(saved);
  const origin = originOf(options);
  if (saved && record) {
    const what = `optimize of iteration ${settings.iteration}`;
    const { restart: advice, path } = saved;
    if (!isSealed) options.onUnchecked?.(path);
    const [{ begun: was, ...before }, { begun: is, ...now }] = [record.origin, origin];
    if (was && is) checkSameModel(is, was, { what, advice });
    checkSameSettings(before, now, { what, file: path, advice });
  }
  const evaluation = await evaluationOf(options);
  const { crew = null } = options;
  const ranks = new OptimizeCrew(crew, commands.device);
  const { files, start = {} } = options;
  const task = { task: "optimize", dir: model.folder.dir, files, start, settings } as const;
  await ranks.begin(task, data);
  const hasReference = LOSSES[settings.training.loss_type].needsReference;
  if (!hasReference) await ranks.prepare(null);
  const logps = async (request: LogpsRequest): Promise<ReferenceLogps> => {
    const scorer = ranks.sharedScorer(options.scorer ?? model, task);
    const logps = await scoreReference({ ...options, scorer }, { ...request, done: record?.step ?? 0 });
    await ranks.prepare(logps);
    return logps;
  };
  const distribution = distributionOf(settings, crew?.transport ?? null);
  const trainer = await RowTrainer.create(commands, { model, data, settings, reference, logps, distribution });
  try {
    const stage = new StepLoop(options, { trainer, origin, evaluation, ranks });
    let isWhole = true;
    if (saved && record) {
      const { step: done, tokens } = record;
      const lacking = await ranks.loading(
        { done, tokens },
        (transfer) => loadState(saved, { transfer, buffers: trainer.stateBuffers, mayLack: [REJECTED_LOGPS] }),
      );
      isWhole = lacking.length === 0;
      stage.resume(record);
    }
    await stage.run();
    if (isWhole) await ranks.share(trainer);
    const rejected = isWhole ? await trainer.readRejectedLogps() : null;
    if (rejected !== null) await addRejectedLogps(options.referencePath, rejected);
    await ranks.end();
    return {
      steps: trainer.order.steps,
      last: stage.last,
      skipped: trainer.skipped,
      noise: trainer.noiseValues,
      free: () => trainer.free(),
    };
  } catch (error) {
    trainer.free();
    throw error;
  }
}

/** What evaluates held-out rows; null where none are asked for. */
async function evaluationOf(options: OptimizeOptions): Promise<StepEvaluation | null> {
  const { commands, model, scorer = model, settings, files, heldOut = null, signal, onProgress, onNote } = options;
  if (heldOut === null || settings.training.eval_steps === undefined) return null;
  const total = heldOut.rows.pairs?.length ?? 0;
  const onDone = (done: number): void => {
    onProgress({ stage: "reference", iteration: settings.iteration, done, total });
    if (signal?.aborted && done < total) throw new StoppedError("The run was stopped before its first step");
  };
  const told = onNote && { onNote };
  return await StepEvaluation.create(commands, { model, scorer, heldOut, settings, files, onDone, ...told });
}

/** Computes the reference's log-probabilities, before the policy's weights change, or reads them from their file. */
async function scoreReference(
  { commands, model, scorer = model, settings, files, referencePath: path, onProgress, onNote, signal }:
    OptimizeOptions,
  { done: stepsDone, steps, ...request }: LogpsRequest & { done: number },
): Promise<ReferenceLogps> {
  const { used } = request;
  const onDone = (done: number): void => {
    onProgress({ stage: "reference", iteration: settings.iteration, done, total: used.length });
    if (signal?.aborted && done < used.length) throw stopped({ done: stepsDone, steps });
  };
  return await keptReferenceLogps(commands, {
    ...request,
    scorer,
    path,
    files,
    quantization: settings.quantization,
    onDone,
    ...(onNote && { onNote }),
  });
}

function stopped({ done, steps }: { done: number; steps: number }): StoppedError {
  return new StoppedError(`The run was stopped after step ${done} of ${steps}`);
}

/** The most of the time that goes into saving states by time. */
const SAVING_SHARE = 0.1;

class StepLoop {
  last: StepMetrics = {};
  /** When the next state is due by time. */
  #saveAt: number;
  #pending: StepMetrics[] = [];
  readonly #options: OptimizeOptions;
  readonly #trainer: RowTrainer;
  readonly #origin: Origin;
  readonly #evaluation: StepEvaluation | null;
  readonly #ranks: OptimizeCrew;
  #evalLoss: number | undefined;

  constructor(
    options: OptimizeOptions,
    { trainer, origin, evaluation, ranks }: {
      trainer: RowTrainer;
      origin: Origin;
      evaluation: StepEvaluation | null;
      ranks: OptimizeCrew;
    },
  ) {
    this.#options = options;
    this.#ranks = ranks;
    this.#evaluation = evaluation;
    this.#trainer = trainer;
    this.#origin = origin;
    this.#saveAt = this.#nextSave(0);
  }

  resume({ step: done, tokens, pending, last }: StateRecord): void {
    this.#trainer.resume({ done, tokens });
    this.last = last;
    this.#pending = pending;
  }

  /** Runs the steps that are left. Throws StoppedError if the signal stopped it before the last. */
  async run(): Promise<void> {
    const trainer = this.#trainer;
    const { settings, onProgress, signal } = this.#options;
    const { training } = settings;
    const { steps } = trainer.order;
    const log = await this.#options.openLog(trainer.done);
    const event = (): Parameters<OnProgress>[0] => ({
      stage: "optimize",
      iteration: settings.iteration,
      done: trainer.done,
      total: steps,
      tokens: trainer.tokens,
      ...(this.last.loss !== undefined && { loss: this.last.loss }),
      ...(this.#evalLoss !== undefined && { evalLoss: this.#evalLoss }),
    });
    onProgress(event());
    // A state is saved before the evaluation of its step, whose line is written anew.
    await this.#evaluate(log);
    while (trainer.done < steps) {
      await this.#ranks.advance(trainer);
      if (trainer.isFull) await this.#read();
      const isLast = trainer.done === steps;
      if (trainer.done % training.logging_steps === 0 || isLast) {
        await this.#read();
        this.last = meanMetrics(this.#pending);
        this.#pending = [];
        await log.append(this.#line());
      }
      const isStopped = signal?.aborted ?? false;
      const isDue = trainer.done % training.save_steps === 0 || performance.now() >= this.#saveAt;
      if (!isLast && (isDue || isStopped)) await this.#save();
      onProgress(event());
      if (isStopped && !isLast) throw stopped({ done: trainer.done, steps });
      await this.#evaluate(log);
    }
    if (this.#evalLoss !== undefined) onProgress(event());
  }

  /** Evaluates held-out rows where that is due. If the signal stops it, the steps so far are saved. */
  async #evaluate(log: LineLog): Promise<void> {
    const { done, order: { steps, stepsPerEpoch } } = this.#trainer;
    if (!this.#evaluation?.isDue(done)) return;
    await this.#read();
    const { settings: { iteration }, signal } = this.#options;
    try {
      const values = await this.#evaluation.run(() => {
        if (signal?.aborted && done < steps) throw stopped({ done, steps });
      });
      this.#evalLoss = values.eval_loss;
      await log.append({ iteration, step: done, ...values, epoch: done / stepsPerEpoch });
    } catch (error) {
      if (error instanceof StoppedError) await this.#save();
      throw error;
    }
  }

  async #read(): Promise<void> {
    this.#pending.push(...await this.#trainer.read());
  }

  /** When the next state is due, where the last one took so many milliseconds to save. */
  #nextSave(took: number): number {
    const { save_minutes: minutes } = this.#options.settings.training;
    return performance.now() + Math.max(60_000 * minutes, took / SAVING_SHARE);
  }

  async #save(): Promise<void> {
    const started = performance.now();
    await this.#read();
    await this.#ranks.share(this.#trainer);
    const { done: step, tokens, stateBuffers: buffers } = this.#trainer;
    const record: StateRecord = { step, tokens, pending: this.#pending, last: this.last, origin: this.#origin };
    const { stateDir, settings } = this.#options;
    const keep = settings.training.save_total_limit;
    await this.#ranks.saving((transfer) => saveState(stateDir, { transfer, buffers, record, keep }));
    this.#saveAt = this.#nextSave(performance.now() - started);
  }

  #line(): Record<string, number> {
    const trainer = this.#trainer;
    return {
      iteration: this.#options.settings.iteration,
      step: trainer.done,
      ...this.last,
      // The learning rate of the last step, as Hugging Face logs it.
      learning_rate: trainer.learningRate(trainer.done - 1),
      epoch: trainer.done / trainer.order.stepsPerEpoch,
      num_tokens: trainer.tokens,
    };
  }
}

function originOf({ settings, data, model, files }: OptimizeOptions): Origin {
  const { iteration, model: name, quantization, training, lora, noise, distributed } = settings;
  const { shards, gradient_dtype } = distributed;
  const begun = { folder: model.folder.dir, files };
  return {
    iteration,
    ...(name !== undefined && { model: name }),
    training,
    ...(quantization !== "none" && { quantization }),
    ...(lora && { lora }),
    noise,
    ...(shards > 1 && { distributed: { shards, gradient_dtype } }),
    data: fingerprint(data),
    begun,
  };
}
