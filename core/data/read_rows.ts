/** Training rows in any of the known shapes, from files of any of the formats. @module */
import { UserError } from "../error.ts";
import { isRecord } from "../values.ts";
import { describe, quote } from "./formats/data_problems.ts";
import { type DataSource, type Locate, openSource, sourceName } from "./formats/data_sources.ts";
import type { JsonObject, JsonValue } from "./formats/json_rows.ts";
import { COLUMN_KEYS, type Columns, mapColumns } from "./formats/map_columns.ts";
import type { Message } from "./formats/messages.ts";
import { hasField, stringField } from "./formats/row_fields.ts";
import { type DataFields, readShape, SHAPE_COLUMNS } from "./row_shapes.ts";
import { readSets, type SetRow } from "./select_rows.ts";

export type { Message } from "./formats/messages.ts";
export type { DataFields } from "./row_shapes.ts";

/** A row with its place in the file. */
export type DataRow = DataFields & {
  /** 0-based index among the rows in the order in which they are read, malformed ones counted. */
  row: number;
  /** `file:line`; of a Parquet file `file, row` and the row's 0-based index in it. */
  where: string;
  /** What a verifier compares with. */
  reference?: JsonValue;
  /** The columns that the form does not use. */
  extra: JsonObject;
};

/** A row left out, and why. */
export interface SkippedRow {
  /** `file:line`. */
  where: string;
  /** What is wrong with it. */
  reason: string;
}

/** Rows of one shape. */
export interface ShapeCount {
  /** Whose shape it is, such as `UltraChat's`; `plain` of the shapes that are this project's own. */
  owner: string;
  /** Its columns. */
  columns: readonly string[];
  /** Number of rows. */
  rows: number;
}

/** How rows are read. */
export interface ReadRowsOptions {
  /** At most this many rows, skipped ones not counted. */
  limit?: number;
  /** Whether a malformed row ends the reading (the default) or is left out. */
  onBadRow?: "error" | "skip";
  /** Prompt of instruction rows, with `{instruction}` and `{input}`; default: the input after a blank line. */
  template?: string;
  /** Words of a row of plain text that are its prompt (default 16). */
  promptWords?: number;
  /** Columns by what they are, where a set has none of its own. */
  columns?: Columns;
  /** Whether all rows are shuffled (default false), as `readSets` does. */
  shuffle?: boolean;
  /** Seed of shuffling and of sets with a weight below 1 (default 42). */
  seed?: number;
  /** Whether rows of text become conversations of a user and an assistant (default false). */
  conversational?: boolean;
  /** System turn of the conversations that begin with none. */
  systemPrompt?: string;
  /** Finds the files behind a name that is no local path; by default there are none. */
  locate?: Locate;
}

/** Rows, and what was met on the way. */
export interface ReadRows {
  rows: DataRow[];
  skipped: SkippedRow[];
  /** The rows by their shapes, in the order in which these were met. */
  shapes: ShapeCount[];
}

/**
 * Reads files (JSON lines, a JSON array, CSV, TSV, Parquet, each but the last gzipped too), folders of them, slices of them
 * (`rows.jsonl[:100]`), or several. Throws a UserError naming file and line of a malformed row, or where no row is left.
 */
export async function readRows(source: DataSource, options: ReadRowsOptions = {}): Promise<ReadRows> {
  const { limit = Infinity, onBadRow = "error", template, columns, locate, shuffle, seed } = options;
  if (template !== undefined && !template.includes("{instruction}")) {
    throw new UserError(`Cannot use the data template ${quote(template)}: it has no {instruction}`);
  }
  const rows: DataRow[] = [];
  const skipped: SkippedRow[] = [];
  const shapes = new Map<string, ShapeCount>();
  const sets = await openSource(source, { ...(columns && { columns }), ...(locate && { locate }) });
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
        const { shape, ...fields } = parseRow(read.value, read, options);
        rows.push({ ...fields, row, where });
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
  if (options.systemPrompt !== undefined && !rows.some(({ kind }) => kind.startsWith("chat"))) {
    throw new UserError(
      `Cannot use ${name}: data.system_prompt is set, and no row is a conversation (data.conversational makes rows of text into some)`,
    );
  }
  return { rows, skipped, shapes: [...shapes.values()] };
}

function countShape(shapes: Map<string, ShapeCount>, { owner, columns }: Omit<ShapeCount, "rows">): void {
  const key = [owner, ...columns].join("\0");
  const known = shapes.get(key);
  if (known) known.rows++;
  else shapes.set(key, { owner, columns, rows: 1 });
}

function parseRow(
  value: JsonValue,
  { set, columns: all }: Pick<SetRow, "set" | "columns">,
  options: ReadRowsOptions,
): Omit<DataRow, "row" | "where"> & DataFields & { shape: Omit<ShapeCount, "rows"> } {
  if (!isRecord(value)) throw new UserError(`the row is ${describe(value)}, expected an object`);
  const mapped = mapColumns(value, set.columns, all);
  const preferred = Object.keys(set.columns);
  const { owner, columns, fields: { used, ...shaped } } = readShape(mapped, {
    template: options.template,
    promptWords: options.promptWords,
    preferred,
    columns: all,
  });
  const fields = toConversation(shaped, { row: mapped, ...options, isSystemMapped: preferred.includes("system") });
  const reference = hasField(mapped, "reference")
    ? { reference: mapped.reference! }
    : shaped.reference === undefined
    ? {}
    : { reference: shaped.reference };
  // fromEntries, unlike assignment, keeps a column named __proto__ a column.
  const extra = Object.fromEntries(
    Object.entries(mapped).filter(([key]) => !used.includes(key) && key !== "reference"),
  );
  return { ...fields, ...reference, extra, shape: { owner, columns } };
}

/** Text as a conversation where asked for, and the system turn of a conversation that begins with none. */
function toConversation(
  fields: DataFields,
  { row, conversational = false, systemPrompt, isSystemMapped }: ReadRowsOptions & {
    row: JsonObject;
    isSystemMapped: boolean;
  },
): DataFields {
  const chat = conversational ? asChat(fields) : fields;
  const own = hasField(row, "system") && (isSystemMapped || typeof row.system === "string")
    ? stringField(row, "system")
    : "";
  if (chat.kind !== "chat" && chat.kind !== "chat_pair") {
    if (!isSystemMapped || own === "") return chat;
    throw new UserError(
      '"system" is set, expected it of a conversation alone (data.conversational makes text into one)',
    );
  }
  const system = own !== "" ? own : systemPrompt ?? "";
  if (system === "" || ["system", "developer"].includes(chat.prompt[0]!.role)) return chat;
  return { ...chat, prompt: [{ role: "system", content: system }, ...chat.prompt] };
}

function asChat(fields: DataFields): DataFields {
  const turn = (role: string, content: string): Message[] => [{ role, content }];
  if (fields.kind === "text") {
    return { kind: "chat", prompt: turn("user", fields.prompt), response: turn("assistant", fields.response) };
  }
  if (fields.kind !== "text_pair") return fields;
  return {
    kind: "chat_pair",
    prompt: turn("user", fields.prompt),
    chosen: turn("assistant", fields.chosen),
    rejected: turn("assistant", fields.rejected),
  };
}
