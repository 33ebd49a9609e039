/** Greedy answers that end at stop strings. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { Tokenizer } from "../data/tokenizer/tokenizer.ts";
import { StoppedError } from "../error.ts";
import type { AnyModel } from "../model/model.ts";
import { continueRows, type UntilAnswer, type UntilRow } from "./continue_rows.ts";
import { greedySettings } from "./greedy_settings.ts";

/** What is answered, and how. */
export interface UntilOptions {
  rows: readonly UntilRow[];
  /** The most rows that run at a time, on each rank (default {@linkcode BATCH_SIZE}). */
  batchSize?: number;
  /** Gets each answer once it ends. */
  onAnswer?: (row: number, answer: UntilAnswer) => void;
  /** Called before the first token and as answers grow. */
  onProgress?: (progress: { done: number; total: number; tokens: number }) => void;
  /** Abort it to stop between tokens. */
  signal?: AbortSignal;
}

/** Rows that run at a time. */
export const BATCH_SIZE = 16;

/**
 * Continues each row with the most probable token, the first of equal ones, until EOS, a stop string or its limit. A
 * row's answer does not depend on the others, nor on the number of ranks. Throws RangeError for a row or limit without tokens, a UserError if
 * generation_config.json asks what is not followed here, DeviceError, and StoppedError if `signal` stopped it.
 */
export async function generateUntil(
  commands: Commands,
  model: AnyModel,
  tokenizer: Tokenizer,
  { rows, batchSize = BATCH_SIZE, onAnswer, onProgress, signal }: UntilOptions,
): Promise<UntilAnswer[]> {
  const { folder } = model;
  const where = folder.files.pathOf("generation_config.json");
  const { repetitionPenalty } = greedySettings(folder.generationConfig, { where });
  rows.forEach(({ ids, maxNewTokens }, row) => checkRow(row, { tokens: ids.length, maxNewTokens }));
  const answers: UntilAnswer[] = [];
  // The longest first: prompts of like lengths run together.
  const order = rows.map((_, row) => row).sort((a, b) => rows[b]!.ids.length - rows[a]!.ids.length);
  let done = 0;
  let tokens = 0;
  const report = (): void => {
    onProgress?.({ done, total: rows.length, tokens });
    if (signal?.aborted && done < rows.length) throw new StoppedError("The evaluation was stopped");
  };
  report();
  const found = continueRows(commands, model, tokenizer, {
    rows: order.map((row) => rows[row]!),
    batchSize,
    eosIds: folder.eosTokenIds,
    repetitionPenalty,
  });
  for await (const { answers: ended, tokens: sampled } of found) {
    tokens = sampled;
    report();
    for (const { place, answer } of ended) {
      const row = order[place]!;
      answers[row] = answer;
      done++;
      onAnswer?.(row, answer);
      report();
    }
  }
  return answers;
}

function checkRow(row: number, { tokens, maxNewTokens }: { tokens: number; maxNewTokens: number }): void {
  if (tokens === 0) throw new RangeError(`Cannot continue row ${row}: it has no tokens, expected at least 1`);
  if (Number.isInteger(maxNewTokens) && maxNewTokens > 0) return;
  throw new RangeError(
    `Cannot continue row ${row}: its limit is ${maxNewTokens} tokens, expected a whole number of at least 1`,
  );
}
