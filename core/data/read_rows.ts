/** Reads training rows of any known shape from files of any known format. @module */
import { UserError } from "../error.ts";
import { EmptyAnswers } from "./empty_answers.ts";
import { findBrokenText } from "./formats/broken_text.ts";
import { CHAT_COLUMNS } from "./formats/chat_variables.ts";
import { shortQuote } from "./formats/data_problems.ts";
import { type DataSource, openSource, type OpenSourceOptions, sourceName } from "./formats/data_sources.ts";
import { findNonFinite } from "./formats/json_numbers.ts";
import type { JsonObject, JsonValue } from "./formats/json_rows.ts";
import { COLUMN_KEYS, type Columns } from "./formats/map_columns.ts";
import {
  columnsText,
  type DataRow,
  type ParsedRow,
  parseRow,
  type ParseRowOptions,
  type RowShape,
} from "./parse_row.ts";
import { SHAPE_COLUMNS } from "./row_shapes.ts";
import { readSets, type SetRow } from "./select_rows.ts";

/** A row that was left out, and the reason. */
export interface SkippedRow {
  /** The row's place, as `where` of {@linkcode DataRow}. */
  where: string;
  /** What is wrong with the row. */
  reason: string;
}

/** A shape, and the number of rows that have it. */
export interface ShapeCount extends RowShape {
  /** Number of rows. */
  rows: number;
}

/** How rows are read. */
export interface ReadRowsOptions extends ParseRowOptions, Pick<OpenSourceOptions, "locate" | "prefer"> {
  /** The most rows to read; skipped ones do not count. */
  limit?: number;
  /** What a malformed row does: it ends the reading with an error (the default), or is left out. */
  onBadRow?: "error" | "skip";
  /** Whether all rows are shuffled, as `readSets` describes (default false). */
  shuffle?: boolean;
  /** Seed of the shuffling, and of the choice from sets with a weight below 1 (default 42). */
  seed?: number;
}

/** The rows that were read, those that were skipped, and the shapes. */
export interface ReadRows {
  rows: DataRow[];
  skipped: SkippedRow[];
  /** Counts of the rows by shape, in the order in which the shapes first occur. */
  shapes: ShapeCount[];
  /** What is read of folders with several splits, a text each, as `the split train of it is read, and not test.jsonl`. */
  unread: string[];
}

/**
 * Reads the rows of one source or several: files (JSON lines, a JSON array, CSV, TSV, each also with gzip, or Parquet),
 * folders of them, or slices of these (`rows.jsonl[:100]`). Throws a UserError naming file and line of a malformed row,
 * if no row is left, or if all answers of a source are empty.
 */
export async function readRows(source: DataSource, options: ReadRowsOptions = {}): Promise<ReadRows> {
  const { limit = Infinity, onBadRow = "error", template, columns, locate, prefer, shuffle, seed } = options;
  if (template !== undefined && !template.includes("{instruction}")) {
    throw new UserError(`Cannot use the data template ${shortQuote(template)}: it has no {instruction}`);
  }
  const rows: DataRow[] = [];
  const skipped: SkippedRow[] = [];
  const shapes = new Map<string, ShapeCount>();
  const empty = new EmptyAnswers();
  const sets = await openSource(source, {
    ...(columns && { columns }),
    ...(locate && { locate }),
    ...(prefer && { prefer }),
  });
  const reading = {
    missing: () => limit - rows.length,
    columnsOf: (set: SetRow["set"]) => [...SHAPE_COLUMNS, ...COLUMN_KEYS, ...Object.values(set.columns)],
    ...(shuffle !== undefined && { shuffle }),
    ...(seed !== undefined && { seed }),
  };
  if (limit > 0) {
    for await (const read of readSets(sets, reading)) {
      const { row, where } = read;
      try {
        if ("problem" in read) throw new UserError(read.problem);
        const { columns } = read.set;
        const { shape, ...fields } = parseRow(read.value, { ...options, columns, all: read.columns });
        if (read.hasNonFinite) checkFinite(read.value as JsonObject, { shape, columns });
        checkWhole(fields);
        rows.push({ ...fields, row, where });
        empty.see(fields, read.set);
        countShape(shapes, shape);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        if (onBadRow === "error") throw new UserError(`Cannot read ${where}: ${error.message}`);
        skipped.push({ where, reason: error.message });
      }
      if (rows.length >= limit) break;
    }
  }
  const name = sourceName(source);
  if (rows.length === 0) {
    const why = skipped[0]
      ? `all ${skipped.length} rows are malformed, the first (${skipped[0].where}): ${skipped[0].reason}`
      : "it holds no rows, expected at least one";
    throw new UserError(`Cannot use ${name}: ${why}`);
  }
  // A single row is read to see its shape.
  if (limit > 1) empty.check(sets);
  if (options.systemPrompt !== undefined && !rows.some(({ kind }) => kind.startsWith("chat"))) {
    throw new UserError(
      `Cannot use ${name}: data.system_prompt is set, and no row is a conversation (data.conversational makes rows of text into some)`,
    );
  }
  const unread = sets.flatMap((set) => set.unread === null ? [] : [`${set.name}: ${set.unread}`]);
  return { rows, skipped, shapes: [...shapes.values()], unread };
}

/** Columns that are read beside those of a shape, if a row has them. */
const READ_BESIDES = ["reference", ...CHAT_COLUMNS];

/** Throws a UserError if one of the columns that are read holds NaN or an infinity, which Python writes and JSON lacks. */
function checkFinite(row: JsonObject, { shape, columns }: { shape: RowShape; columns: Columns }): void {
  for (const key of [...shape.columns, ...READ_BESIDES]) {
    const name = columns[key as keyof Columns] ?? key;
    const found = Object.hasOwn(row, name) ? findNonFinite(row[name]!, name) : null;
    if (found !== null) throw new UserError(`${found}, expected a finite number in a column that is read`);
  }
}

/** Throws a UserError if a row's prompt, answers or what goes with them hold half of a character. */
function checkWhole({ extra: _unread, ...fields }: Omit<ParsedRow, "shape">): void {
  for (const [name, value] of Object.entries(fields)) {
    const found = findBrokenText(value as JsonValue, name);
    if (found !== null) throw new UserError(`${found}, expected whole ones`);
  }
}

function countShape(shapes: Map<string, ShapeCount>, shape: RowShape): void {
  const key = [shape.owner, columnsText(shape)].join("\0");
  const known = shapes.get(key);
  if (known) known.rows++;
  else shapes.set(key, { ...shape, rows: 1 });
}
