/** Scoring and answering as another rank than the first: its share of the rows, with the model that the first has. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { Task } from "../cluster/crew.ts";
import { serveBatches } from "../cluster/dealt_batches.ts";
import { generatorWork, inStep } from "../cluster/in_step.ts";
import type { ModelPlace } from "../cluster/shared_model.ts";
import type { Transport } from "../cluster/transport.ts";
import type { Quantization } from "../config/config_types.ts";
import { loadTokenizer, type Tokenizer } from "../data/tokenizer/tokenizer.ts";
import { continuePart, type RowsToContinue } from "../evaluate/continue_rows.ts";
import { choicesPart, type ChoicesToScore } from "../evaluate/score_choices.ts";
import { answerPart, type PromptsToAnswer } from "../generate/generate.ts";
import { type AnyModel, freeModel, loadFrozenModel } from "../model/model.ts";
import { loadRewardModel, type RewardModel, textsPart, type TextsToScore } from "../model/reward_model.ts";
import { type RowsToScore, scorePart } from "../model/row_logps.ts";
import type { Scorer } from "../model/scorer.ts";
import type { RunContext } from "../run/run_context.ts";
import { checkSameFiles } from "./same_files.ts";

/** A model on the device. */
interface KeptModel {
  /** What it is, and where it is from. */
  key: string;
  /** The kind of the last task on it. */
  task: string;
  model: unknown;
  free: () => void;
  tokenizer?: Tokenizer;
}

/** The model of the last task, which the next one may use again. */
export class ServedModels implements Disposable {
  readonly #context: RunContext;
  #kept: KeptModel | null = null;

  constructor(context: RunContext) {
    this.#context = context;
  }

  /** The model that a task names. Throws UserError or DeviceError. */
  async load(task: Task): Promise<AnyModel> {
    const { dir, quantization } = placeOf(task);
    const { device, sources } = this.#context;
    return await this.#keep("model", task, async () => {
      const files = await sources.filesIn(dir);
      const model = await loadFrozenModel(device, files, { quantization: quantization as Quantization });
      return { model, free: () => freeModel(model) };
    });
  }

  /** The tokenizer of the model that a task names. Throws UserError or DeviceError. */
  async tokenizer(task: Task): Promise<Tokenizer> {
    const model = await this.load(task);
    const kept = this.#kept!;
    kept.tokenizer ??= await loadTokenizer(model.folder.files);
    return kept.tokenizer;
  }

  /** The reward model that a task names. Throws UserError or DeviceError. */
  async loadReward(task: Task): Promise<RewardModel> {
    return await this.#keep("reward model", task, async () => {
      const model = await loadRewardModel(this.#context.device, placeOf(task).dir);
      return { model, free: () => model.free() };
    });
  }

  /** Frees the model. */
  free(): void {
    this.#kept?.free();
    this.#kept = null;
  }

  [Symbol.dispose](): void {
    this.free();
  }

  async #keep<T>(kind: string, task: Task, load: () => Promise<{ model: T; free: () => void }>): Promise<T> {
    const place = placeOf(task);
    const key = JSON.stringify([kind, place]);
    const kept = this.#kept?.key === key ? this.#kept : null;
    // What the recorder keeps fits the model before, or the work before, which is planned for itself.
    if (kept?.task !== task.task) this.#context.commands.release();
    if (kept) {
      kept.task = task.task;
      return kept.model as T;
    }
    this.free();
    await checkSameFiles(this.#context, place);
    const loaded = await load();
    this.#kept = { key, task: task.task, ...loaded };
    return loaded.model;
  }
}

function placeOf({ model }: Task): ModelPlace {
  return model as ModelPlace;
}

/** Scores this rank's share. */
export async function serveScore(
  commands: Commands,
  transport: Transport,
  scorer: Scorer,
  { kind, rows, batchTokens, precision }: RowsToScore,
): Promise<void> {
  const asked: RowsToScore = { kind, rows, ...(batchTokens && { batchTokens }), ...(precision && { precision }) };
  for await (const _ of inStep(transport, generatorWork(scorePart(commands, scorer, asked, transport))));
}

/** Answers this rank's share. */
export async function serveGenerate(
  commands: Commands,
  transport: Transport,
  model: AnyModel,
  asked: PromptsToAnswer,
): Promise<void> {
  for await (const _ of inStep(transport, answerPart(commands, model, asked, transport)));
}

/** Scores this rank's share of batches of choices. */
export async function serveChoices(
  commands: Commands,
  transport: Transport,
  scorer: Scorer,
  asked: ChoicesToScore,
): Promise<void> {
  await serveBatches(transport, choicesPart(commands, scorer, asked, transport));
}

/** Scores this rank's share of batches of texts. */
export async function serveTexts(
  commands: Commands,
  transport: Transport,
  model: RewardModel,
  asked: TextsToScore,
): Promise<void> {
  await serveBatches(transport, textsPart(commands, model, asked, transport));
}

/** Continues this rank's share of rows. */
export async function serveContinue(
  commands: Commands,
  transport: Transport,
  { model, tokenizer }: { model: AnyModel; tokenizer: Tokenizer },
  asked: RowsToContinue,
): Promise<void> {
  for await (const _ of inStep(transport, continuePart(commands, model, tokenizer, asked, transport)));
}
