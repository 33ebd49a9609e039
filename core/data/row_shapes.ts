/** The known shapes of rows: each is recognized by its columns. @module */
import { UserError } from "../error.ts";
import { isRecord } from "../values.ts";
import { CHAT_COLUMNS } from "./formats/chat_variables.ts";
import { shortQuote } from "./formats/data_problems.ts";
import type { JsonObject, JsonValue } from "./formats/json_rows.ts";
import { listColumns } from "./formats/map_columns.ts";
import { type Message, messageField, messagesField } from "./formats/messages.ts";
import { hasField, idsField, stringField } from "./formats/row_fields.ts";
import { extractMessages, extractPrompt } from "./formats/shared_prompt.ts";
import { REFUSED_COLUMNS } from "./refused_columns.ts";

/** The contents of a row: prompt and answer, or prompt and two answers, as text, conversation or token ids. */
export type DataFields =
  | { kind: "text"; prompt: string; response: string }
  | { kind: "text_pair"; prompt: string; chosen: string; rejected: string }
  | { kind: "chat"; prompt: Message[]; response: Message[] }
  | { kind: "chat_pair"; prompt: Message[]; chosen: Message[]; rejected: Message[] }
  | { kind: "ids"; promptIds: number[]; responseIds: number[] }
  | { kind: "ids_pair"; promptIds: number[]; chosenIds: number[]; rejectedIds: number[] };

/** The contents of a row as its shape parses them. */
export type ShapedFields = DataFields & {
  /** The columns that were used. */
  used: readonly string[];
  /** The reference that a verifier compares with, if the shape itself has one. */
  reference?: JsonValue;
};

interface Shape {
  /** Columns that a row must have. */
  columns: readonly string[];
  /** Further columns that are used if the row has them. */
  optional?: readonly string[];
  /** Whether a row with these columns has the shape; by default it has. */
  fits?(row: JsonObject): boolean;
  /** Where the shape of this row comes from; `plain` for this project's own shapes. */
  owner(row: JsonObject): string;
  /** Parses a row. Throws a UserError if a column holds a value of the wrong kind. */
  parse(row: JsonObject, settings: ShapeSettings): DataFields & { reference?: JsonValue };
}

/** Settings for the shapes whose prompt has to be made from other columns. */
export interface ShapeSettings {
  /** Prompt of instruction rows; undefined: the instruction, then a blank line and the input if there is one. */
  template?: string | undefined;
  /** The number of words of a plain text that are its prompt (default 16). */
  promptWords?: number | undefined;
}

const PROMPT_WORDS = 16;

const plainText = () => "plain";

/** Groups of shapes, in the order in which they are tried. Within a group a row may fit one shape only. */
const GROUPS: readonly (readonly Shape[])[] = [
  [{
    columns: ["prompt_ids", "chosen_ids", "rejected_ids"],
    owner: plainText,
    parse: (row) => ({
      kind: "ids_pair",
      promptIds: idsField(row, "prompt_ids"),
      chosenIds: idsField(row, "chosen_ids"),
      rejectedIds: idsField(row, "rejected_ids"),
    }),
  }],
  [{
    columns: ["prompt_ids", "response_ids"],
    owner: plainText,
    parse: (row) => ({
      kind: "ids",
      promptIds: idsField(row, "prompt_ids"),
      responseIds: idsField(row, "response_ids"),
    }),
  }],
  [{
    columns: ["conversations", "chosen", "rejected"],
    owner: () => "LLaMA-Factory's preference",
    parse: (row) => parseSides(row, "conversations"),
  }],
  // Without these, the beginning that both answers share would be taken for the prompt.
  [
    {
      columns: ["instruction", "chosen", "rejected"],
      optional: ["input"],
      fits: isTextPair,
      owner: () => "LLaMA-Factory's preference",
      parse: (row, settings) => parseTextPair(row, instructionPrompt(row, settings)),
    },
    {
      columns: ["question", "chosen", "rejected"],
      fits: isTextPair,
      owner: () => "Orca's preference",
      parse: (row) => parseTextPair(row, stringField(row, "question")),
    },
  ],
  [
    {
      columns: ["chosen", "rejected"],
      optional: ["prompt"],
      owner: (row) => hasField(row, "score_chosen") ? "UltraFeedback's" : "TRL's preference",
      parse: (row) => parsePair(row, ["chosen", "rejected"]),
    },
    {
      columns: ["chosen_messages", "rejected_messages"],
      optional: ["prompt"],
      owner: () => "TRL's preference",
      parse: (row) => parsePair(row, ["chosen_messages", "rejected_messages"]),
    },
    { columns: ["real", "generated"], owner: () => "SPIN's", parse: (row) => parsePair(row, ["real", "generated"]) },
  ],
  [
    { columns: ["prompt", "response"], owner: plainText, parse: (row) => parseAnswer(row, "response") },
    {
      columns: ["prompt", "completion"],
      owner: () => "TRL's prompt-completion",
      parse: (row) => parseAnswer(row, "completion"),
    },
    {
      columns: ["messages"],
      owner: (row) => hasField(row, "prompt_id") ? "UltraChat's" : "OpenAI's",
      parse: (row) => splitLast(messagesField(row, "messages"), "messages"),
    },
    {
      columns: ["conversations"],
      owner: () => "ShareGPT's",
      parse: (row) => splitLast(messagesField(row, "conversations"), "conversations"),
    },
    { columns: ["instruction", "output"], optional: ["input"], owner: () => "Alpaca's", parse: parseInstruction },
    { columns: ["question", "answer"], owner: () => "GSM8K's", parse: parseQuestion },
  ],
  [{ columns: ["text"], owner: () => "plain text's", parse: parseText }],
];

/** The shapes as error messages list them. */
const KNOWN = GROUPS.toReversed().flat().map(({ columns, optional = [] }) =>
  `{${[...columns, ...optional.map((name) => `${name}?`)].join(", ")}}`
).join(", ");

/** Names of the columns that a shape, or a later step, can use. */
export const SHAPE_COLUMNS: readonly string[] = [
  ...new Set(GROUPS.flat().flatMap(({ columns, optional = [] }) => [...columns, ...optional])),
  ...[
    "prompt_id",
    "score_chosen",
    "score_rejected",
    "system",
    "reference",
    "row",
    "chosen_from",
    "score_human",
    "score_generated",
    ...CHAT_COLUMNS,
    ...REFUSED_COLUMNS,
  ],
];

/**
 * The shape and the contents of a row. `preferred` are columns that the config names: shapes with one of them take
 * precedence. Throws a UserError that lists the row's columns if no shape fits, or more than one.
 */
export function readShape(
  row: JsonObject,
  { preferred, columns: all = Object.keys(row), ...settings }: ShapeSettings & {
    preferred: readonly string[];
    columns: readonly string[] | undefined;
  },
): { owner: string; columns: readonly string[]; fields: ShapedFields } {
  for (const group of GROUPS) {
    const fitting = group.filter(({ columns, fits }) =>
      columns.every((name) => hasField(row, name)) && (fits === undefined || fits(row))
    );
    const named = fitting.filter(({ columns }) => columns.some((name) => preferred.includes(name)));
    const [shape, other] = named.length > 0 ? named : fitting;
    if (shape === undefined) continue;
    if (other !== undefined) {
      const both = [shape, other].map(({ columns }) => `{${columns.join(", ")}}`).join(" and ");
      throw new UserError(
        `the row fits both ${both}, expected one of them (data.columns names the columns to use); its columns are ${
          listColumns(all)
        }`,
      );
    }
    const used = [...shape.columns, ...(shape.optional ?? []).filter((name) => isUsed(row, name, shape))];
    return { owner: shape.owner(row), columns: used, fields: { ...shape.parse(row, settings), used } };
  }
  throw unknownShape(row, all);
}

/** Whether an optional column is used. A text prompt beside lists of messages is not: the lists contain the prompt. */
function isUsed(row: JsonObject, name: string, { columns }: Shape): boolean {
  return hasField(row, name) && !(name === "prompt" && Array.isArray(row[columns[0]!]) && !Array.isArray(row.prompt));
}

function unknownShape(row: JsonObject, all: readonly string[]): UserError {
  const named = all.slice(0, 12).map((key) => shortQuote(key) + (row[key] === null ? " (null)" : "")).join(", ");
  const list = all.length === 0 ? "no keys" : `the keys ${named}${all.length > 12 ? ", …" : ""}`;
  return new UserError(`the row has ${list}, expected one of ${KNOWN}, or data.columns to name them`);
}

/** Parses a preference pair of texts or lists of messages. Without a prompt, the common beginning is the prompt. */
function parsePair(row: JsonObject, [better, worse]: readonly [string, string]): DataFields {
  const has = (name: string): boolean => hasField(row, name);
  if (Array.isArray(row[better])) {
    const chosen = messagesField(row, better);
    const rejected = messagesField(row, worse);
    if (has("prompt") && Array.isArray(row.prompt)) {
      return { kind: "chat_pair", prompt: messagesField(row, "prompt"), chosen, rejected };
    }
    return { kind: "chat_pair", ...extractMessages({ chosen, rejected }, [better, worse]) };
  }
  const conversation = ["prompt", "messages"].find((name) => Array.isArray(row[name]));
  if (isRecord(row[better]) && conversation !== undefined) return parseSides(row, conversation);
  const [chosen, rejected] = [stringField(row, better), stringField(row, worse)];
  if (has("prompt")) return { kind: "text_pair", prompt: stringField(row, "prompt"), chosen, rejected };
  return { kind: "text_pair", ...extractPrompt({ chosen, rejected }, [better, worse]) };
}

/** Parses two answers to a conversation: each is one turn, a list of turns, or the text of one. */
function parseSides(row: JsonObject, key: string): DataFields {
  const [first] = Array.isArray(row.chosen) ? messagesField(row, "chosen") : [];
  // Lists that begin with the prompt are whole conversations.
  if (first !== undefined && ["system", "user"].includes(first.role)) return parsePair(row, ["chosen", "rejected"]);
  const side = (name: string): Message[] => {
    if (Array.isArray(row[name])) return messagesField(row, name);
    return isRecord(row[name]) ? [messageField(row, name)] : [{ role: "assistant", content: stringField(row, name) }];
  };
  return { kind: "chat_pair", prompt: messagesField(row, key), chosen: side("chosen"), rejected: side("rejected") };
}

function parseAnswer(row: JsonObject, answer: string): DataFields {
  return Array.isArray(row.prompt)
    ? { kind: "chat", prompt: messagesField(row, "prompt"), response: messagesField(row, answer) }
    : { kind: "text", prompt: stringField(row, "prompt"), response: stringField(row, answer) };
}

/** Splits a conversation: the last turn is the answer, the turns before it are the prompt. */
function splitLast(messages: Message[], key: string): DataFields {
  const last = messages.at(-1)!;
  if (last.role !== "assistant") {
    throw new UserError(`the last of "${key}" has the role ${shortQuote(last.role)}, expected "assistant"`);
  }
  if (messages.length < 2) throw new UserError(`"${key}" holds one turn, expected a prompt before the answer`);
  return { kind: "chat", prompt: messages.slice(0, -1), response: [last] };
}

function parseInstruction(row: JsonObject, settings: ShapeSettings): DataFields {
  return { kind: "text", prompt: instructionPrompt(row, settings), response: stringField(row, "output") };
}

/** Whether the answers are texts, whose prompt is in a column of another name. */
function isTextPair(row: JsonObject): boolean {
  return !hasField(row, "prompt") && typeof row.chosen === "string";
}

function parseTextPair(row: JsonObject, prompt: string): DataFields {
  return { kind: "text_pair", prompt, chosen: stringField(row, "chosen"), rejected: stringField(row, "rejected") };
}

function instructionPrompt(row: JsonObject, { template }: ShapeSettings): string {
  const instruction = stringField(row, "instruction");
  const input = hasField(row, "input") ? stringField(row, "input") : "";
  return template !== undefined
    ? template.replace(/\{(instruction|input)\}/g, (_, name) => name === "input" ? input : instruction)
    : input.trim() === ""
    ? instruction
    : `${instruction}\n\n${input}`;
}

/** Splits a text: its first words are the prompt, and the rest, which continues them, is the answer. */
function parseText(row: JsonObject, { promptWords = PROMPT_WORDS }: ShapeSettings): DataFields {
  const text = stringField(row, "text");
  let end = 0;
  let words = 0;
  for (const { index, 0: word } of text.matchAll(/\S+/g)) {
    if (words === promptWords) return { kind: "text", prompt: text.slice(0, end), response: text.slice(end) };
    [words, end] = [words + 1, index + word.length];
  }
  throw new UserError(
    `"text" has ${words} words, expected more than the ${promptWords} of its prompt (data.prompt_words)`,
  );
}

/** Parses a row of GSM8K, whose answers end with `#### ` and the number that a verifier compares with. */
function parseQuestion(row: JsonObject): DataFields & { reference?: JsonValue } {
  const response = stringField(row, "answer");
  const final = /####\s*(.+?)\s*$/.exec(response)?.[1];
  const fields = { kind: "text", prompt: stringField(row, "question"), response } as const;
  return final === undefined ? fields : { ...fields, reference: final };
}
