/** Scoring and generating as another rank than the first: its share of the rows, with the model that the first has. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { Task } from "../cluster/crew.ts";
import { generatorWork, inStep } from "../cluster/in_step.ts";
import type { ModelPlace } from "../cluster/shared_model.ts";
import type { Transport } from "../cluster/transport.ts";
import type { Quantization } from "../config/config_types.ts";
import { answerPart, type PromptsToAnswer } from "../generate/generate.ts";
import { type AnyModel, freeModel, loadFrozenModel } from "../model/model.ts";
import { type RowsToScore, scorePart } from "../model/row_logps.ts";
import type { Scorer } from "../model/scorer.ts";
import type { RunContext } from "../run/run_context.ts";
import { checkSameFiles } from "./same_files.ts";

/** The frozen model of the last task, which the next one may use again. */
export class ServedModels implements Disposable {
  readonly #context: RunContext;
  #kept: { key: string; model: AnyModel } | null = null;

  constructor(context: RunContext) {
    this.#context = context;
  }

  /** The model that a task names. Throws UserError or DeviceError. */
  async load({ model: place }: Task): Promise<AnyModel> {
    const { dir, files, quantization } = place as ModelPlace;
    const key = JSON.stringify(place);
    if (this.#kept?.key === key) return this.#kept.model;
    this.free();
    const { device, sources } = this.#context;
    await checkSameFiles(this.#context, { dir, files });
    const settings = { quantization: quantization as Quantization };
    const model = await loadFrozenModel(device, await sources.filesIn(dir), settings);
    this.#kept = { key, model };
    return model;
  }

  /** Frees the model. */
  free(): void {
    if (this.#kept) freeModel(this.#kept.model);
    this.#kept = null;
  }

  [Symbol.dispose](): void {
    this.free();
  }
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
