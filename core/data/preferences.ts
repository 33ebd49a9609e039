/** Exports pairs as a preference data set in TRL's form, which other trainers read too. @module */
import type { SchemaElement } from "hyparquet";
import { UserError } from "../error.ts";
import { CHAT_COLUMNS, chatVariables } from "./formats/chat_variables.ts";
import { JsonFloat, jsonText } from "./formats/json_numbers.ts";
import type { JsonObject, JsonValue } from "./formats/json_rows.ts";
import { type Message, messagesField } from "./formats/messages.ts";
import { hasField, scoreField } from "./formats/row_fields.ts";
import type { DataRow } from "./parse_row.ts";
import { readRows } from "./read_rows.ts";

/** A prompt or an answer: text, or the turns of a conversation. */
type Side = string | Message[];

/** A row: prompt, chosen and rejected are all texts, or all lists of messages. */
export interface Preference {
  readonly prompt: Side;
  readonly chosen: Side;
  readonly rejected: Side;
  /** The judge's scores; null if it gave none. */
  readonly score_chosen: number | null;
  readonly score_rejected: number | null;
  /** Who wrote the chosen answer: `human`, `generated`, or null if that is not known. */
  readonly chosen_from: string | null;
  /** What the chat template is given besides the turns; null if that is nothing. */
  readonly tools: readonly JsonObject[] | null;
  readonly chat_template_kwargs: JsonObject | null;
}

/** Columns that are left out if no row has them. */
const OPTIONAL = ["score_chosen", "score_rejected", "chosen_from", ...CHAT_COLUMNS] as const;

/**
 * Reads pairs.jsonl, or any file of pairs, as preferences. Throws a UserError if a row has no texts, or if texts and
 * conversations are mixed.
 */
export async function readPreferences(path: string): Promise<Preference[]> {
  const { rows } = await readRows(path);
  return rows.map((row, i) => {
    try {
      const preference = toPreference(row);
      if (i > 0 && isChat(row) !== isChat(rows[0]!)) {
        throw new UserError("the row is not a conversation where others are, expected rows of one kind");
      }
      return preference;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      throw new UserError(`Cannot export ${row.where}: ${error.message}`);
    }
  });
}

function isChat(row: DataRow): boolean {
  return row.kind === "chat_pair" || hasField(row.extra, "messages") && row.kind === "ids_pair";
}

function toPreference(row: DataRow): Preference {
  const { extra } = row;
  const number = (key: string): number | null => isNumber(extra[key]) ? scoreField(extra, key) : null;
  const isGenerated = extra.chosen_from === "generated";
  const others = {
    score_chosen: number("score_chosen") ?? number(isGenerated ? "score_generated" : "score_human"),
    score_rejected: number("score_rejected") ?? number(isGenerated ? "score_human" : "score_generated"),
    chosen_from: typeof extra.chosen_from === "string" ? extra.chosen_from : null,
    ...{ tools: null, chat_template_kwargs: null },
    ...row.variables,
  };
  switch (row.kind) {
    case "text_pair":
    case "chat_pair":
      return { prompt: row.prompt, chosen: row.chosen, rejected: row.rejected, ...others };
    case "ids_pair": {
      const [prompt, chosen, rejected] = ["prompt", "chosen", "rejected"].map((key) => {
        if (typeof extra[key] === "string") return extra[key];
        throw new UserError(`the row has token ids and no text "${key}", expected both`);
      }) as [string, string, string];
      if (chosen === "" && rejected === "") {
        throw new UserError("both answers are empty texts, expected the ids' texts");
      }
      if (!hasField(extra, "messages")) return { prompt, chosen, rejected, ...others };
      const turn = (content: string): Message[] => [{ role: "assistant", content }];
      return {
        prompt: messagesField(extra, "messages"),
        chosen: turn(chosen),
        rejected: turn(rejected),
        ...others,
        ...chatVariables(extra),
      };
    }
    default:
      throw new UserError("the row has one response, expected chosen and rejected");
  }
}

function isNumber(value: JsonValue | undefined): boolean {
  return typeof value === "number" || typeof value === "bigint" || value instanceof JsonFloat;
}

/**
 * Encodes a file: JSON lines, or Parquet with lists of {role, content} laid out as by pyarrow and datasets, and tools as
 * JSON, which TRL reads as well. Throws a UserError if Parquet would lose something.
 */
export async function encodePreferences(rows: readonly Preference[], format: "jsonl" | "parquet"): Promise<Uint8Array> {
  const names = (["prompt", "chosen", "rejected", ...OPTIONAL] as const).filter((name) =>
    !OPTIONAL.some((optional) => optional === name) || rows.some((row) => row[name] !== null)
  );
  if (format === "jsonl") {
    // TRL takes no null for the variables.
    const valueOf = (row: Preference, name: (typeof names)[number]): unknown =>
      name === "chat_template_kwargs" ? row[name] ?? {} : row[name];
    const lines = rows.map((row) => jsonText(Object.fromEntries(names.map((name) => [name, valueOf(row, name)]))));
    return new TextEncoder().encode(lines.map((line) => line + "\n").join(""));
  }
  rows.forEach(checkPlain);
  const valueOf = (row: Preference, name: (typeof names)[number]): unknown => {
    const value = row[name];
    if (name === "tools") return value === null ? null : jsonText(value);
    return Array.isArray(value) ? (value as Message[]).map(({ role, content }) => ({ role, content })) : value;
  };
  const { parquetWriteBuffer } = await import("hyparquet-writer");
  const isConversation = typeof rows[0]?.prompt !== "string";
  const schema: SchemaElement[] = [{ name: "schema", num_children: names.length }];
  for (const name of names) {
    if (name === "score_chosen" || name === "score_rejected") {
      schema.push({ name, type: "DOUBLE", repetition_type: "OPTIONAL" });
    } else if (name === "chosen_from" || name === "tools" || !isConversation) schema.push(text(name));
    else {
      schema.push(
        { name, repetition_type: "OPTIONAL", num_children: 1, converted_type: "LIST", logical_type: { type: "LIST" } },
        { name: "list", repetition_type: "REPEATED", num_children: 1 },
        { name: "element", repetition_type: "OPTIONAL", num_children: 2 },
        text("role"),
        text("content"),
      );
    }
  }
  const columnData = names.map((name) => ({ name, data: rows.map((row) => valueOf(row, name)) }));
  return new Uint8Array(parquetWriteBuffer({ columnData, schema }));
}

/** Throws a UserError if a row holds more than Parquet's columns here can. */
function checkPlain({ prompt, chosen, rejected, chat_template_kwargs: kwargs }: Preference, row: number): void {
  const turns = [prompt, chosen, rejected].flatMap((side) => typeof side === "string" ? [] : side);
  const key = kwargs === null
    ? turns.flatMap((turn) => [
      ...Object.keys(turn).filter((key) => !["role", "content"].includes(key) && turn[key] !== null),
      ...(typeof turn.content === "string" ? [] : ["content"]),
    ])[0]
    : "chat_template_kwargs";
  if (key === undefined) return;
  throw new UserError(
    `Cannot export row ${row} as Parquet: it has "${key}" that is more than a text, expected an output in .jsonl`,
  );
}

function text(name: string): SchemaElement {
  return {
    name,
    type: "BYTE_ARRAY",
    repetition_type: "OPTIONAL",
    converted_type: "UTF8",
    logical_type: { type: "STRING" },
  };
}
