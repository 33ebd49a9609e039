/** The rows that a step reads: prompts with one answer or two. @module */
import type { ModelFolder } from "../checkpoint/model_folder.ts";
import type { IterationConfig } from "../config/config_types.ts";
import type { EncodeOptions } from "../data/encode_row.ts";
import { type DataSource, sourceName } from "../data/formats/data_sources.ts";
import type { DataRow } from "../data/parse_row.ts";
import type { ReadRows } from "../data/read_rows.ts";
import { readPairs, type StoredPair } from "../data/stage_files.ts";
import {
  type TokenizedExample,
  type TokenizedPair,
  tokenizeExamples,
  tokenizePairs,
  type TokenizeReport,
} from "../data/tokenize_rows.ts";
import { type Tokenizer, tokenizerOf } from "../data/tokenizer/tokenizer.ts";
import type { PairIds } from "../model/pack.ts";
import { keepHeldOut, warnOfHeldOut, warnOfPositions } from "../run/nonsense_notes.ts";
import { noteOnce, noteReport, noteShapes, noteSkipped } from "../run/row_notes.ts";
import { type RowContext, throwIfStopped } from "../run/run_context.ts";
import { readData, readingOf } from "../run/run_rows.ts";
import type { HeldOutIds } from "../train/held_out.ts";
import { LOSSES } from "../train/losses/losses.ts";
import { chosenExample, exampleRows, pairRows, type RowKind, type TrainingRows } from "../train/training_rows.ts";
import type { OptimizeStep } from "./schedule.ts";

/** A set that was read: its rows as they were before any was dropped or cut, and what became of them. */
export interface ReadSet extends ReadRows {
  /** Its name in messages. */
  name: string;
  report: TokenizeReport;
}

/** Reads the step's rows as the loss takes them; a loss on single answers takes the chosen ones of pairs. */
export async function readTrainingRows(
  context: RowContext,
  { folder, step, onRead }: {
    folder: ModelFolder;
    step: Pick<OptimizeStep, "settings" | "rows">;
    onRead?: (set: ReadSet, kind: RowKind) => void;
  },
): Promise<TrainingRows> {
  const takesPairs = LOSSES[step.settings.training.loss_type].rows === "pairs";
  const told = (kind: RowKind) => onRead && { onRead: (set: ReadSet) => onRead(set, kind) };
  if (step.rows === "data" && !takesPairs) {
    return await readExampleRows(context, { folder, step, ...told("examples") });
  }
  const pairs = await readStepPairs(context, { folder, step, ...told("pairs") });
  const ids = pairs.map(({ example, promptIds, chosenIds, rejectedIds }) => ({
    example,
    promptIds,
    chosenIds,
    rejectedIds,
  }));
  return takesPairs ? pairRows(ids) : exampleRows(ids.map(chosenExample));
}

/**
 * Reads the pairs of a step; `example` is the row's counter of its random numbers. `onRead` gets each set as it was
 * read.
 */
export async function readStepPairs(
  context: RowContext,
  { folder, step: { settings, rows: ref }, onRead }: {
    folder: ModelFolder;
    step: Pick<OptimizeStep, "settings" | "rows">;
    onRead?: (set: ReadSet) => void;
  },
): Promise<(StoredPair & { example: number })[]> {
  const { data } = settings;
  warnOfPositions(context, { maxLength: data.max_length, positions: folder.config.maxPositionEmbeddings });
  const tokenizer = await tokenizerOf(folder.files, data);
  const rows = [];
  let first = 0;
  const sources: readonly DataSource[] = ref === "data" ? [data.train!] : "name" in ref ? [ref.name] : ref.files;
  for (const source of sources) {
    const name = sourceName(source);
    if (typeof ref === "object" && "files" in ref) await context.checksums.checkRows(name);
    const { locate, onBadRow, template, ...mapping } = readingOf(context, { settings });
    const { pairs, report, ...read } = await readPairs(source, {
      tokenizer,
      vocabSize: folder.config.vocabSize,
      maxLength: data.max_length,
      encoder: context.encoder,
      ...(locate && { locate }),
      ...(onBadRow && { onBadRow }),
      ...(template !== undefined && { template }),
      // Columns, limit and order apply to data.train only.
      ...(ref === "data" && mapping),
    });
    for (const line of read.unread) noteOnce(context, line);
    noteShapes(context, name, read.shapes);
    noteSkipped(context, name, read.skipped);
    noteReport(context, name, { report, maxLength: data.max_length });
    if (ref === "data") warnOfHeldOut(context, { name, prompts: pairs.map(({ promptIds }) => promptIds) });
    onRead?.({ ...read, name, report });
    for (const pair of pairs) rows.push({ ...pair, example: first + pair.row });
    // Rows are counted before any is dropped (docs/method.md, "The random numbers").
    first += report.rows + read.skipped.length;
  }
  return rows;
}

/** How a step that trains on single answers encodes the rows of `data.train`. */
export function exampleEncoding({ data }: IterationConfig): Required<Pick<EncodeOptions, "allTurns" | "joint">> {
  return { allTurns: data.assistant_only_loss ?? false, joint: true };
}

async function readExampleRows(
  context: RowContext,
  { folder, step: { settings }, ...told }: {
    folder: ModelFolder;
    step: Pick<OptimizeStep, "settings">;
    onRead?: (set: ReadSet) => void;
  },
): Promise<TrainingRows> {
  const tokenizer = await tokenizerOf(folder.files, settings.data);
  const shared = { model: folder, tokenizer, settings, ...told };
  const examples = await readExamples(context, { ...shared, ...exampleEncoding(settings) });
  return exampleRows(examples.map(({ row, promptIds, responseIds, lossMask }) => ({
    example: row,
    promptIds,
    responseIds,
    ...(lossMask && { lossMask }),
  })));
}

/**
 * Reads prompts and human answers of `data.train`. Throws a UserError if no row is left. `onRead` gets the set as it was
 * read.
 */
export async function readExamples(
  context: RowContext,
  { model, tokenizer, settings, onRead, ...encoding }: {
    model: Pick<ModelFolder, "config">;
    tokenizer: Tokenizer | null;
    settings: IterationConfig;
    onRead?: (set: ReadSet) => void;
  } & Pick<EncodeOptions, "allTurns" | "joint">,
): Promise<TokenizedExample[]> {
  const { data } = settings;
  warnOfPositions(context, { maxLength: data.max_length, positions: model.config.maxPositionEmbeddings });
  const read = await readData(context, { settings, which: "train" });
  const { rows, name } = read;
  const { encoder } = context;
  await encoder.prepare(rows, { tokenizer, ...encoding }, 1);
  throwIfStopped(context);
  const { examples, report } = tokenizeExamples(rows, {
    encoder,
    tokenizer,
    vocabSize: model.config.vocabSize,
    maxLength: data.max_length,
    ...encoding,
  });
  noteReport(context, name, { report, maxLength: data.max_length, ...encoding });
  warnOfHeldOut(context, { name, prompts: examples.map(({ promptIds }) => promptIds) });
  onRead?.({ ...read, report });
  return examples;
}

/** The held-out rows of `data.eval`. */
export interface HeldOutRows extends HeldOutIds {
  /** The rows with their texts and references, in the order of `examples`. */
  readonly prompts: readonly TokenizedExample[];
}

/**
 * Reads the held-out rows of `data.eval`; with a loss over pairs against a reference, also as pairs where all rows have a
 * rejected answer. Throws a UserError if no row is left.
 */
export async function readHeldOut(
  context: RowContext,
  { model, tokenizer, settings, onRead }: {
    model: Pick<ModelFolder, "config">;
    tokenizer: Tokenizer | null;
    settings: IterationConfig;
    onRead?: (set: ReadSet) => void;
  },
): Promise<HeldOutRows> {
  const { data: { max_length: maxLength } } = settings;
  warnOfPositions(context, { maxLength, positions: model.config.maxPositionEmbeddings });
  const read = await readData(context, { settings, which: "eval" });
  const { encoder } = context;
  const joint = settings.method === "sft";
  await encoder.prepare(read.rows, { tokenizer, joint }, 1);
  const { examples, report } = tokenizeExamples(read.rows, {
    encoder,
    tokenizer,
    vocabSize: model.config.vocabSize,
    maxLength,
    joint,
  });
  noteReport(context, read.name, { report, maxLength, joint });
  keepHeldOut(context, { name: read.name, prompts: examples.map(({ promptIds }) => promptIds) });
  onRead?.({ ...read, report });
  const ids = examples.map(({ row, promptIds, responseIds }) => ({ example: row, promptIds, responseIds }));
  if (!comparesPairs(settings)) return { prompts: examples, examples: ids, pairs: null };
  const withRejected = read.rows.filter(isPair);
  if (withRejected.length < read.rows.length) {
    if (withRejected.length > 0) {
      const share = `${withRejected.length} of ${read.rows.length} rows`;
      noteOnce(context, `${read.name}: ${share} have a rejected answer; where not all have one, no pairs are measured`);
    }
    return { prompts: examples, examples: ids, pairs: null };
  }
  await encoder.prepare(read.rows, { tokenizer }, 2);
  const vocabSize = model.config.vocabSize;
  const { pairs } = tokenizePairs(read.rows, { encoder, tokenizer, vocabSize, maxLength });
  if (pairs.length < examples.length) {
    const lost = `${examples.length - pairs.length} of ${read.rows.length} rows`;
    noteOnce(context, `${read.name}: ${lost} left out of the measures of pairs, as the rejected answer has no tokens`);
  }
  return { prompts: examples, examples: ids, pairs: pairs.map(pairIds) };
}

/** Whether held-out pairs are measured: the loss compares a pair's answers with a reference. */
export function comparesPairs({ method, training }: Pick<IterationConfig, "method" | "training">): boolean {
  return method !== "sft" && LOSSES[training.loss_type].formula !== null;
}

/** Whether a row has a chosen and a rejected answer. */
export function isPair({ kind }: DataRow): boolean {
  return kind.endsWith("pair");
}

/** The ids of a pair, with its row as the counter of its random numbers. */
export function pairIds({ row, promptIds, chosenIds, rejectedIds }: TokenizedPair): PairIds {
  return { example: row, promptIds, chosenIds, rejectedIds };
}
