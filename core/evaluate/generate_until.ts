/** Greedy answers that end at stop strings. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { Tokenizer } from "../data/tokenizer/tokenizer.ts";
import { StoppedError } from "../error.ts";
import { generate } from "../generate/generate.ts";
import type { AnyModel } from "../model/model.ts";
import { greedySettings } from "./greedy_settings.ts";
import { StopStrings } from "./stop_strings.ts";

/** A context to continue. */
export interface UntilRow {
  /** At least one token. */
  readonly ids: readonly number[];
  /** Strings that end the answer, and are no part of it; the text of the tokenizer's EOS is one by itself. */
  readonly until: readonly string[];
  /** The most tokens of the answer; at least 1. */
  readonly maxNewTokens: number;
}

/** An answer. */
export interface UntilAnswer {
  /** Its text without special tokens, cut at the stops; white space is left. */
  text: string;
  /** Its ids, up to the one with which a stop or EOS is there. */
  ids: number[];
}

/** What is answered, and how. */
export interface UntilOptions {
  rows: readonly UntilRow[];
  /** The most rows that run at a time (default {@linkcode BATCH_SIZE}). */
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
 * row's answer does not depend on the others. Throws RangeError for a row or limit without tokens, a UserError if
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
  const { eosToken } = tokenizer;
  const stops = rows.map(({ until }) => new StopStrings(tokenizer, eosToken === null ? until : [...until, eosToken]));
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
  const generated = generate(commands, model, {
    prompts: order.map((row) => ({ row, promptIds: rows[row]!.ids, maxNewTokens: rows[row]!.maxNewTokens })),
    settings: {
      temperature: 0,
      top_p: 1,
      top_k: 0,
      seed: 0,
      max_new_tokens: 1,
      batch_size: batchSize,
      kv_cache_dtype: "float32",
    },
    iteration: 0,
    eosIds: folder.eosTokenIds,
    repetitionPenalty,
    isDone: (index, ids) => stops[order[index]!]!.end(ids) !== null,
    onTokens: (count) => {
      tokens = count;
      report();
    },
  });
  for await (const { index, ids: all } of generated) {
    const row = order[index]!;
    const ids = all.slice(0, stops[row]!.end(all) ?? all.length);
    answers[row] = { text: stops[row]!.textOf(ids), ids };
    done++;
    onAnswer?.(row, answers[row]!);
    report();
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
