/** Log-likelihoods of the choices of benchmark documents. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { Device } from "../../kernels/device/device.ts";
import type { ChoiceIds } from "../benchmark/encode_request.ts";
import { StoppedError } from "../error.ts";
import { maxForwardTokens } from "../model/activations.ts";
import type { ModelConfig } from "../model/families/family.ts";
import type { Scorer } from "../model/scorer.ts";
import { type BatchingOptions, type ChoiceBatch, choiceBatches } from "./choice_batches.ts";
import { scoreChoices } from "./score_choices.ts";

/** A scored choice. */
export interface ChoiceScore {
  /** Σ log softmax(z)[id] over the continuation's ids, in nats. */
  logp: number;
  /** Whether each id of the continuation is the most probable one at its place; of equally probable ones, the first. */
  isGreedy: boolean;
}

/** How far the work is. */
export interface ScoringProgress {
  /** Documents done so far, and in all. */
  done: number;
  total: number;
  /** Tokens that the model ran so far, and in all. */
  tokens: number;
  totalTokens: number;
}

/** What is scored, and how. */
export interface ChoiceOptions extends Partial<BatchingOptions> {
  /** The choices of each document. */
  documents: readonly (readonly ChoiceIds[])[];
  /** The most tokens of a batch, unless a single choice is longer (default 4096). */
  batchTokens?: number;
  /** Gets each document's scores once it has all of them; documents come the longest first. */
  onDocument?: (document: number, scores: readonly ChoiceScore[]) => void;
  /** Called before the first batch and after each. */
  onProgress?: (progress: ScoringProgress) => void;
  /** Abort it to stop after a batch. */
  signal?: AbortSignal;
}

const BATCH_TOKENS = 4096;

/** The batches in which {@linkcode choiceLogps} scores documents. */
export function batchesOf(
  device: Device,
  config: ModelConfig,
  { documents, batchTokens = BATCH_TOKENS, sharedPrefix }: Pick<ChoiceOptions, "documents" | keyof BatchingOptions>,
): ChoiceBatch[] {
  return choiceBatches(documents, {
    batchTokens: Math.min(batchTokens, maxForwardTokens(config, device)),
    ...(sharedPrefix && { sharedPrefix }),
  });
}

/**
 * The log-likelihood of each choice of each document, in float32. Ids that a document's choices have in common are
 * computed once, and only the continuations' positions go through the LM head. A document's scores depend on itself and
 * on `sharedPrefix` alone, and are the same on any number of ranks. Throws RangeError for a choice without tokens,
 * DeviceError, and StoppedError if `signal` stopped it.
 */
export async function choiceLogps(
  commands: Commands,
  model: Scorer,
  { documents, onDocument, onProgress, signal, ...batching }: ChoiceOptions,
): Promise<ChoiceScore[][]> {
  const parts = batchesOf(commands.device, model.config, { documents, ...batching });
  const scores = documents.map((choices): ChoiceScore[] => choices.map(() => ({ logp: NaN, isGreedy: false })));
  const left = documents.map((choices) => choices.length);
  const totalTokens = parts.reduce((sum, part) => sum + part.tokens, 0);
  let tokens = 0;
  // A document without choices is done.
  let done = left.filter((count) => count === 0).length;
  const report = (): void => {
    onProgress?.({ done, total: documents.length, tokens, totalTokens });
    if (signal?.aborted && tokens < totalTokens) throw new StoppedError("The evaluation was stopped");
  };
  report();
  let batch = 0;
  for await (const { logps, isGreedy } of scoreChoices(commands, model, parts)) {
    const part = parts[batch++]!;
    part.places.forEach(({ document, choice }, sequence) => {
      scores[document]![choice] = { logp: logps[sequence]!, isGreedy: isGreedy[sequence]! };
      if (--left[document]! > 0) return;
      done++;
      onDocument?.(document, scores[document]!);
    });
    tokens += part.tokens;
    report();
  }
  return scores;
}
