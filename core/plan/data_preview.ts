/** What a run will see of its data: what is read, dropped and cut, how long it is, and some rows token by token. @module */
import type { ModelFolder } from "../checkpoint/model_folder.ts";
import type { ResolvedConfig } from "../config/config.ts";
import { columnsText } from "../data/parse_row.ts";
import { RowEncoder } from "../data/row_encoder.ts";
import { type TokenizedExample, tokenizeExamples, tokenizePairs } from "../data/tokenize_rows.ts";
import { type Tokenizer, tokenizerOf } from "../data/tokenizer/tokenizer.ts";
import { exampleEncoding, readExamples, readHeldOut, type ReadSet, readStepPairs } from "../loop/read_rows_of_step.ts";
import type { GenerateStep, OptimizeStep, Step } from "../loop/schedule.ts";
import type { OnProgress } from "../progress.ts";
import { RunChecksums } from "../run/run_checksums.ts";
import type { RowContext } from "../run/run_context.ts";
import { LOSSES } from "../train/losses/losses.ts";
import { openPlan } from "./open_plan.ts";
import { type AnswerTokens, type RowTokens, sideTexts } from "./preview_tokens.ts";
import { costsOf, countBins, type LengthBin, type LengthCost, type LengthSummary, summarize } from "./row_lengths.ts";

/**
 * What the rows are for: single answers that are trained on, pairs, or prompts that the model answers, whose human answer
 * is one side of a pair.
 */
export type PreviewKind = "answers" | "pairs" | "prompts";

/** What became of the rows of a set. */
export interface PreviewedSet {
  /** Its name in the config. */
  name: string;
  /** Rows that were read, malformed ones aside. */
  rows: number;
  /** Rows that are used. */
  kept: number;
  /** The shapes that rows were taken for, with the columns that are used. */
  shapes: { owner: string; columns: string; rows: number }[];
  /** Malformed rows that were left out, by `data.on_bad_row: skip`. */
  malformed: { where: string; reason: string }[];
  /** Rows that were dropped, with the reason. */
  dropped: { where: string; reason: string }[];
  /** Answers that are cut at `data.max_length`. */
  cut: number;
  /** Rows in which a token would reach from the prompt into an answer. */
  merged: number;
}

/** One row, token by token, as it is trained on. */
export interface PreviewedRow extends RowTokens {
  /** Its place in the file. */
  where: string;
  /** Its index in the data. */
  row: number;
}

/** What a run will see. */
export interface DataPreview {
  /** The model's name in the config. */
  model: string;
  /** What the rows are for. */
  kind: PreviewKind;
  /** `data.max_length`. */
  maxLength: number;
  /** Positions that the model has. */
  positions: number;
  /** The rows to train on. */
  train: PreviewedSet;
  /** The held-out rows; null if the config names none. */
  eval: PreviewedSet | null;
  /** Tokens of the rows before anything is cut: of the prompt, of each answer, and of the prompt with its longest answer. */
  lengths: { prompt: LengthSummary; answer: LengthSummary; row: LengthSummary };
  /** Number of rows by their tokens. */
  histogram: LengthBin[];
  /** What `data.max_length` would drop and cut, by its value. */
  costs: LengthCost[];
  /** Some rows. */
  samples: PreviewedRow[];
}

/** How a preview is made. */
export interface PreviewOptions {
  /** How many rows are shown token by token, spread over the data (default 3). */
  samples?: number;
  /** Gets the progress of downloads, if the config names something on the hub. */
  onProgress?: OnProgress;
  /** Abort it to stop. */
  signal?: AbortSignal;
}

/** A row as it is used, or before it is cut. */
interface Row {
  row: number;
  where: string;
  promptIds: readonly number[];
  answers: { name: AnswerTokens["name"]; ids: readonly number[]; lossMask?: readonly boolean[] }[];
}

/**
 * Reads and tokenizes the config's rows as the run will, without a device. Throws a UserError as the run would.
 *
 * @example
 * ```ts
 * import { loadConfig, previewData } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * const config = await loadConfig("examples/quickstart/config.yaml");
 * const { kind, train, samples } = await previewData(config);
 * // Prompts, to which the model will give answers of its own.
 * assert.equal(kind, "prompts");
 * assert.equal(train.kept, train.rows);
 * assert.ok(samples[0]!.prompt.every(({ trained }) => !trained));
 * ```
 */
export async function previewData(config: ResolvedConfig, options: PreviewOptions = {}): Promise<DataPreview> {
  const { samples = 3, signal = new AbortController().signal, onProgress } = options;
  const { sources, folder, stepsOf } = await openPlan(config, { signal, ...(onProgress && { onProgress }) });
  const context: RowContext = {
    sources,
    signal,
    encoder: new RowEncoder({ signal }),
    checksums: await RunChecksums.open(null),
    onNote: () => {},
  };
  const steps = stepsOf(config);
  const tokenizer = await tokenizerOf(folder.files, config.data);
  const read = await readFirst(context, { folder, tokenizer, steps });
  const { max_length: maxLength } = config.data;
  const held = config.data.eval === undefined ? null : await readEval(context, { folder, tokenizer, steps });
  const lengths = read.uncut.map(({ promptIds, answers }) => ({ prompt: promptIds.length, answers }));
  const total = lengths.map(({ prompt, answers }) => prompt + Math.max(...answers.map(({ ids }) => ids.length)));
  const ofRow = summarize(total);
  const chosen = spread(read.rows, samples);
  const uncutOf = new Map(read.uncut.map((row) => [row.row, row]));
  return {
    model: config.model!,
    kind: read.kind,
    maxLength,
    positions: folder.config.maxPositionEmbeddings,
    train: { ...describeSet(read.set), dropped: droppedOf(read.set, { kept: read.rows, uncut: uncutOf, maxLength }) },
    eval: held,
    lengths: {
      prompt: summarize(lengths.map(({ prompt }) => prompt)),
      answer: summarize(lengths.flatMap(({ answers }) => answers.map(({ ids }) => ids.length))),
      row: ofRow,
    },
    histogram: countBins(total),
    costs: costsOf(lengths, { maxLength, positions: folder.config.maxPositionEmbeddings, longest: ofRow.max }),
    samples: chosen.map(({ row, where, promptIds, answers }) => ({
      row,
      where,
      ...sideTexts(tokenizer, {
        promptIds,
        answers: answers.map((answer, i) => ({ ...answer, uncut: uncutOf.get(row)!.answers[i]!.ids.length })),
      }),
    })),
  };
}

interface FirstRead {
  kind: PreviewKind;
  set: ReadSet;
  /** The rows as they are used. */
  rows: Row[];
  /** The rows before anything is cut or dropped for its length. */
  uncut: Row[];
}

/** Reads the rows of the first step that reads any. */
async function readFirst(
  context: RowContext,
  { folder, tokenizer, steps }: { folder: ModelFolder; tokenizer: Tokenizer | null; steps: readonly Step[] },
): Promise<FirstRead> {
  let set: ReadSet | undefined;
  const onRead = (read: ReadSet): void => void (set = read);
  const generate = steps.find((step): step is GenerateStep => step.stage === "generate");
  const step = steps.find((step): step is OptimizeStep => step.stage === "optimize")!;
  const { settings } = generate ?? step;
  const shared = { tokenizer, vocabSize: folder.config.vocabSize, maxLength: null, encoder: context.encoder };
  const takesPairs = LOSSES[step.settings.training.loss_type].rows === "pairs";
  if (generate !== undefined || (step.rows === "data" && !takesPairs)) {
    const encoding = generate === undefined ? exampleEncoding(settings) : {};
    const rows = await readExamples(context, { model: folder, tokenizer, settings, onRead, ...encoding });
    return {
      kind: generate === undefined ? "answers" : "prompts",
      set: set!,
      rows: rows.map(exampleRow),
      uncut: tokenizeExamples(set!.rows, { ...shared, ...encoding }).examples.map(exampleRow),
    };
  }
  const pairs = await readStepPairs(context, { folder, step, onRead });
  const toRow = ({ row, where, promptIds, chosenIds, rejectedIds }: typeof pairs[number]): Row => ({
    row,
    where,
    promptIds,
    answers: [
      { name: "chosen", ids: chosenIds },
      ...(takesPairs ? [{ name: "rejected" as const, ids: rejectedIds }] : []),
    ],
  });
  return {
    kind: takesPairs ? "pairs" : "answers",
    set: set!,
    rows: pairs.map(toRow),
    uncut: tokenizePairs(set!.rows, shared).pairs.map((pair) => toRow(pair as typeof pairs[number])),
  };
}

function exampleRow({ row, where, promptIds, responseIds, lossMask }: TokenizedExample): Row {
  return { row, where, promptIds, answers: [{ name: "response", ids: responseIds, ...(lossMask && { lossMask }) }] };
}

async function readEval(
  context: RowContext,
  { folder, tokenizer, steps }: { folder: ModelFolder; tokenizer: Tokenizer | null; steps: readonly Step[] },
): Promise<PreviewedSet | null> {
  const step = steps.find(({ stage }) => stage === "evaluate");
  if (step === undefined) return null;
  let set: ReadSet | undefined;
  const { settings } = step;
  const kept = await readHeldOut(context, { model: folder, tokenizer, settings, onRead: (read) => void (set = read) });
  const { max_length: maxLength } = settings.data;
  const { examples } = tokenizeExamples(set!.rows, {
    tokenizer,
    vocabSize: folder.config.vocabSize,
    maxLength: null,
    encoder: context.encoder,
    joint: settings.method === "sft",
  });
  const uncut = new Map(examples.map((example) => [example.row, example]));
  return { ...describeSet(set!), dropped: droppedOf(set!, { kept: kept.prompts, uncut, maxLength }) };
}

function describeSet({ name, report, shapes, skipped }: ReadSet): Omit<PreviewedSet, "dropped"> {
  return {
    name,
    rows: report.rows,
    kept: report.kept,
    shapes: shapes.map((shape) => ({ owner: shape.owner, columns: columnsText(shape), rows: shape.rows })),
    malformed: skipped,
    cut: report.cut,
    merged: report.merged,
  };
}

/** The rows that are not kept; those that the limit alone drops are among `uncut`, the rows before the cut. */
function droppedOf(
  { rows, report }: ReadSet,
  { kept, uncut, maxLength }: {
    kept: readonly { row: number }[];
    uncut: ReadonlyMap<number, { promptIds: readonly number[] }>;
    maxLength: number;
  },
): PreviewedSet["dropped"] {
  if (report.kept === report.rows) return [];
  const there = new Set(kept.map(({ row }) => row));
  return rows.filter(({ row }) => !there.has(row)).map(({ row, where }) => {
    const tokens = uncut.get(row)?.promptIds.length ?? 0;
    return {
      where,
      reason: tokens >= maxLength
        ? `its prompt, ${tokens} tokens, alone reaches max_length ${maxLength}`
        : "an answer has no token to train on",
    };
  });
}

/** The first, the last, and others evenly between them. */
function spread<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  return Array.from({ length: count }, (_, i) => items[Math.round(i * (items.length - 1) / Math.max(1, count - 1))]!);
}
