/** Evaluates held-out rows every so many optimizer steps (`training.eval_steps`). @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { FileDigests } from "../checkpoint/folder_identity.ts";
import type { IterationConfig } from "../config/config_types.ts";
import type { Scorer } from "../model/scorer.ts";
import { type HeldOutIds, pairMeasures, scoreHeldOut } from "./held_out.ts";
import { keptReferenceLogps } from "./kept_reference.ts";
import type { ReferenceLogps } from "./reference_logps.ts";
import { SCORED_TOKENS } from "./row_trainer.ts";

/** Held-out rows of a training, and where what its reference says of pairs is kept. */
export interface HeldOutSet {
  rows: HeldOutIds;
  referencePath: string;
}

/** What a {@linkcode StepEvaluation} is made of. */
export interface StepEvaluationOptions {
  /** The policy. */
  model: Scorer;
  /** The reference without noise. */
  scorer: Scorer;
  heldOut: HeldOutSet;
  settings: IterationConfig;
  /** The digests of the reference's files. */
  files: FileDigests;
  /** Progress of the reference: gets the number of pairs that are done; throw to stop. */
  onDone: (done: number) => void;
  /** Gets a line where what is kept of the reference is computed again. */
  onNote?: (line: string) => void;
}

/** The evaluations of a training. They change nothing that is trained. */
export class StepEvaluation {
  readonly #commands: Commands;
  readonly #options: StepEvaluationOptions;
  readonly #reference: ReferenceLogps | null;

  /** Scores pairs under the reference, before any weight changes, or reads that. Throws UserError or DeviceError. */
  static async create(commands: Commands, options: StepEvaluationOptions): Promise<StepEvaluation> {
    const { scorer, heldOut: { rows: { pairs }, referencePath: path }, files, settings, onDone, onNote } = options;
    const reference = pairs && await keptReferenceLogps(commands, {
      scorer,
      rows: pairs,
      used: pairs.map((_, i) => i),
      rejected: true,
      batchTokens: SCORED_TOKENS,
      path,
      files,
      quantization: settings.quantization,
      onDone,
      ...(onNote && { onNote }),
    });
    return new StepEvaluation(commands, options, reference);
  }

  private constructor(commands: Commands, options: StepEvaluationOptions, reference: ReferenceLogps | null) {
    this.#commands = commands;
    this.#options = options;
    this.#reference = reference;
  }

  /** Whether an evaluation follows after step `done`, counted from 1. */
  isDue(done: number): boolean {
    return done > 0 && done % this.#options.settings.training.eval_steps! === 0;
  }

  /** The numbers of the policy as it is, by Hugging Face's and TRL's names. Throws DeviceError, or what `onDone` throws. */
  async run(onDone: () => void): Promise<Record<string, number>> {
    const { model, heldOut: { rows }, settings: { training } } = this.#options;
    const { loss, logps } = await scoreHeldOut(this.#commands, model, { rows, batchTokens: SCORED_TOKENS, onDone });
    const { pairs } = rows;
    const measures = pairs === null
      ? {}
      : pairMeasures({ pairs, policy: logps!, reference: this.#reference!, training });
    return Object.fromEntries(
      Object.entries({ loss, ...measures }).map(([name, value]) => [`eval_${name}`, value]),
    );
  }
}
