/** Parses a row of JSON of any known shape. @module */
import { UserError } from "../error.ts";
import { isRecord } from "../values.ts";
import { CHAT_COLUMNS, type ChatVariables, chatVariables } from "./formats/chat_variables.ts";
import { describe } from "./formats/data_problems.ts";
import type { JsonObject, JsonValue } from "./formats/json_rows.ts";
import { type Columns, mapColumns } from "./formats/map_columns.ts";
import type { Message } from "./formats/messages.ts";
import { hasField, stringField } from "./formats/row_fields.ts";
import { refuseColumns } from "./refused_columns.ts";
import { type DataFields, readShape } from "./row_shapes.ts";

/** A parsed row with its place in the file. */
export type DataRow = DataFields & {
  /** 0-based index in the order of reading; malformed rows count too. */
  row: number;
  /** `file:line`; for a Parquet file `file, row` and the row's 0-based index in it. */
  where: string;
  /** What a conversation gives the chat template besides its turns. */
  variables?: ChatVariables;
  /** The reference that a verifier compares with. */
  reference?: JsonValue;
  /** The columns that the shape does not use. */
  extra: JsonObject;
};

/** A shape of rows. */
export interface RowShape {
  /** Where the shape comes from, such as `UltraChat's`; `plain` for this project's own shapes. */
  owner: string;
  /** The columns that are used. */
  columns: readonly string[];
  /** Their names in the file where `data.columns` says them. */
  mapped?: Columns;
}

/** How rows are parsed. */
export interface ParseRowOptions {
  /**
   * Prompt of instruction rows, with `{instruction}` and `{input}`; default: the instruction, then a blank line and the
   * input if there is one.
   */
  template?: string;
  /** The number of words of a plain text row that are its prompt (default 16). */
  promptWords?: number;
  /** Names of the columns by what they hold, for sets without names of their own. */
  columns?: Columns;
  /** Whether rows of text become conversations of a user and an assistant (default false). */
  conversational?: boolean;
  /** System turn for conversations that begin without one. */
  systemPrompt?: string;
}

/** A parsed row without its place, and its shape. */
export type ParsedRow = DataFields & Pick<DataRow, "variables" | "reference" | "extra"> & { shape: RowShape };

/**
 * Parses a row of JSON. `all` are the columns of its file, if the row may lack some. Throws a UserError, which names no
 * file, if the row has no known shape.
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
  refuseColumns(mapped, { kind: held.kind, used, all: all ?? [] });
  const fields = toConversation(held, { row: mapped, ...options, isSystemMapped: preferred.includes("system") });
  const isChat = fields.kind === "chat" || fields.kind === "chat_pair";
  const variables = isChat ? chatVariables(mapped) : {};
  const given = CHAT_COLUMNS.filter((name) => Object.hasOwn(variables, name));
  const reference = hasField(mapped, "reference")
    ? { reference: mapped.reference! }
    : held.reference === undefined
    ? {}
    : { reference: held.reference };
  const consumed = [...used, ...given, "reference"];
  // fromEntries, unlike assignment, keeps a column named __proto__ a column.
  const extra = Object.fromEntries(Object.entries(mapped).filter(([key]) => !consumed.includes(key)));
  return {
    ...fields,
    ...(given.length > 0 && { variables }),
    ...reference,
    extra,
    shape: {
      owner,
      columns: [...shapeColumns, ...given],
      ...(preferred.length > 0 && { mapped: columns }),
    },
  };
}

/** The columns of a shape as text: `prompt = question` for one that has another name in the file. */
export function columnsText({ columns, mapped = {} }: RowShape): string {
  const names: Readonly<Record<string, string>> = mapped;
  const all = [...new Set([...columns, ...Object.keys(names)])];
  return all.map((key) => names[key] === undefined ? key : `${key} = ${names[key]}`).join(", ");
}

/** Makes text a conversation if asked to, and gives a conversation without a system turn its system turn. */
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
