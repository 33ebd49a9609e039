/** The rows that a run will see, tokenized as far as a plan needs them. @module */
import type { ModelFolder } from "../checkpoint/model_folder.ts";
import type { IterationConfig } from "../config/config_types.ts";
import type { DataSource } from "../data/formats/data_sources.ts";
import type { DataRow } from "../data/parse_row.ts";
import { readRows, type ReadRowsOptions } from "../data/read_rows.ts";
import { tokenizeExamples, type TokenizeOptions, tokenizePairs, type TokenizeReport } from "../data/tokenize_rows.ts";
import { tokenizerOf } from "../data/tokenizer/tokenizer.ts";
import { comparesPairs, isPair, pairIds } from "../loop/read_rows_of_step.ts";
import type { ExampleIds, PairIds } from "../model/pack.ts";
import { readingOf } from "../run/run_rows.ts";
import type { RunSources } from "../run/run_sources.ts";

/** Most rows that are tokenized; of more rows, a sample is taken evenly over the data. */
const SAMPLE_ROWS = 2000;

/** Rows of a kind. */
export interface PlannedRows<T> {
  /** All rows that will be kept. If there is only a sample, its rows are repeated to stand for the others. */
  rows: readonly T[];
  /** Rows of the data, and how many of them were tokenized. */
  read: number;
  tokenized: number;
  /** What became of those that were tokenized. */
  report: TokenizeReport;
  /** Malformed rows that were left out. */
  malformed: number;
}

/** Where rows come from, and the model that reads them. */
export interface PlannedData {
  source: DataSource;
  settings: IterationConfig;
  folder: ModelFolder;
  sources: RunSources;
}

/** The rows of `data.train` as prompts with one answer. Throws a UserError as reading them in the run would. */
export async function planExamples(
  { allTurns = false, ...data }: PlannedData & { allTurns?: boolean },
): Promise<PlannedRows<ExampleIds>> {
  const reading = readingOf(data, { settings: data.settings });
  const joint = data.settings.method === "sft";
  return await planRows(
    data,
    reading,
    (rows, options) => keptExamples(tokenizeExamples(rows, { ...options, allTurns, joint })),
  );
}

/**
 * The rows of `data.eval` as they are scored: as pairs where those are measured. Throws a UserError as reading them in
 * the run would.
 */
export async function planHeldOut(data: PlannedData): Promise<PlannedRows<ExampleIds | PairIds>> {
  const reading = readingOf(data, { settings: data.settings, which: "eval" });
  const joint = data.settings.method === "sft";
  return await planRows<ExampleIds | PairIds>(
    data,
    reading,
    (rows, options) =>
      comparesPairs(data.settings) && rows.every(isPair)
        ? keptPairs(tokenizePairs(rows, options))
        : keptExamples(tokenizeExamples(rows, { ...options, joint })),
  );
}

/** The rows of pairs, of the data or of a file. Throws a UserError as reading them in the run would. */
export async function planPairs({ ofData, ...data }: PlannedData & { ofData: boolean }): Promise<PlannedRows<PairIds>> {
  const { locate, onBadRow, template, ...mapping } = readingOf(data, { settings: data.settings });
  const reading = {
    ...(locate && { locate }),
    ...(onBadRow && { onBadRow }),
    ...(template !== undefined && { template }),
    ...(ofData && mapping),
  };
  return await planRows(
    data,
    reading,
    (rows, options) => keptPairs(tokenizePairs(rows, options)),
  );
}

function keptExamples(
  { examples, report }: ReturnType<typeof tokenizeExamples>,
): { kept: ExampleIds[]; report: TokenizeReport } {
  return {
    report,
    kept: examples.map(({ row, promptIds, responseIds }) => ({ example: row, promptIds, responseIds })),
  };
}

function keptPairs({ pairs, report }: ReturnType<typeof tokenizePairs>): { kept: PairIds[]; report: TokenizeReport } {
  return { report, kept: pairs.map(pairIds) };
}

async function planRows<T extends { example: number }>(
  { source, settings: { data }, folder }: PlannedData,
  reading: ReadRowsOptions,
  tokenize: (rows: readonly DataRow[], options: TokenizeOptions) => { kept: T[]; report: TokenizeReport },
): Promise<PlannedRows<T>> {
  const { rows, skipped } = await readRows(source, reading);
  const sample = sampled(rows, SAMPLE_ROWS);
  const { kept, report } = tokenize(sample, {
    tokenizer: await tokenizerOf(folder.files, data),
    vocabSize: folder.config.vocabSize,
    maxLength: data.max_length,
  });
  const known = { read: rows.length, tokenized: sample.length, report, malformed: skipped.length };
  if (sample.length === rows.length) return { rows: kept, ...known };
  const count = Math.round(rows.length * kept.length / sample.length);
  // Rows that stand for others need only differ in their index, which decides the order.
  const standing = Array.from({ length: count }, (_, i) => ({ ...kept[i % kept.length]!, example: i }));
  return { rows: standing, ...known };
}

function sampled<T>(items: readonly T[], most: number): readonly T[] {
  if (items.length <= most) return items;
  return Array.from({ length: most }, (_, i) => items[Math.floor(i * items.length / most)]!);
}
