/** From a row of JSON, in any of the known shapes, to what it holds. @module */
import { UserError } from "../error.ts";
import { isRecord } from "../values.ts";
import { describe } from "./formats/data_problems.ts";
import type { JsonObject, JsonValue } from "./formats/json_rows.ts";
import { type Columns, mapColumns } from "./formats/map_columns.ts";
import type { Message } from "./formats/messages.ts";
import { hasField, stringField } from "./formats/row_fields.ts";
import { type DataFields, readShape } from "./row_shapes.ts";

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

/** A shape of rows. */
export interface RowShape {
  /** Whose shape it is, such as `UltraChat's`; `plain` of the shapes that are this project's own. */
  owner: string;
  /** Its columns. */
  columns: readonly string[];
}

/** How rows are understood. */
export interface ParseRowOptions {
  /** Prompt of instruction rows, with `{instruction}` and `{input}`; default: the input after a blank line. */
  template?: string;
  /** Words of a row of plain text that are its prompt (default 16). */
  promptWords?: number;
  /** Columns by what they are, where a set has none of its own. */
  columns?: Columns;
  /** Whether rows of text become conversations of a user and an assistant (default false). */
  conversational?: boolean;
  /** System turn of the conversations that begin with none. */
  systemPrompt?: string;
}

/** A row without its place, and the shape that it has. */
export type ParsedRow = DataFields & Pick<DataRow, "reference" | "extra"> & { shape: RowShape };

/**
 * What a row of JSON holds. Throws a UserError, which names no file, where it is no row of a known shape; `all` are the
 * columns of its file, where a row may lack some.
 */
export function parseRow(
  value: JsonValue,
  { columns = {}, all, ...options }: ParseRowOptions & { all?: readonly string[] | undefined } = {},
): ParsedRow {
  if (!isRecord(value)) throw new UserError(`the row is ${describe(value)}, expected an object`);
  const mapped = mapColumns(value, columns, all);
  const preferred = Object.keys(columns);
  const { owner, columns: shapeColumns, fields: { used, ...held } } = readShape(mapped, {
    template: options.template,
    promptWords: options.promptWords,
    preferred,
    columns: all,
  });
  const fields = toConversation(held, { row: mapped, ...options, isSystemMapped: preferred.includes("system") });
  const reference = hasField(mapped, "reference")
    ? { reference: mapped.reference! }
    : held.reference === undefined
    ? {}
    : { reference: held.reference };
  // fromEntries, unlike assignment, keeps a column named __proto__ a column.
  const extra = Object.fromEntries(
    Object.entries(mapped).filter(([key]) => !used.includes(key) && key !== "reference"),
  );
  return { ...fields, ...reference, extra, shape: { owner, columns: shapeColumns } };
}

/** Text as a conversation where asked for, and the system turn of a conversation that begins with none. */
function toConversation(
  fields: DataFields,
  { row, conversational = false, systemPrompt, isSystemMapped }: ParseRowOptions & {
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
