/** Training rows in any of the accepted forms, read from JSON lines or a JSON array. @module */
import { UserError } from "../error.ts";
import { hasField, idsField, isObject, stringField, wrong } from "./fields.ts";
import { type JsonObject, type JsonValue, readJsonRows } from "./json_rows.ts";
import { describe, quote } from "./problems.ts";

/** One turn of a conversation; keys besides these two reach the chat template. */
export interface Message {
  /** "system", "user", "assistant", or what the template knows. */
  readonly role: string;
  /** The turn's text. */
  readonly content: string;
  /** Anything else the template may read. */
  readonly [key: string]: JsonValue;
}

/** What a row holds, by its form. */
export type DataFields =
  | { kind: "text"; prompt: string; response: string }
  | { kind: "text_pair"; prompt: string; chosen: string; rejected: string }
  | { kind: "chat"; prompt: Message[]; response: Message[] }
  | { kind: "chat_pair"; prompt: Message[]; chosen: Message[]; rejected: Message[] }
  | { kind: "ids"; promptIds: number[]; responseIds: number[] }
  | { kind: "ids_pair"; promptIds: number[]; chosenIds: number[]; rejectedIds: number[] };

/** A row with its place in the file. */
export type DataRow = DataFields & {
  /** 0-based index among the file's rows. */
  row: number;
  /** `file:line`. */
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

/** How rows are read. */
export interface ReadRowsOptions {
  /** At most this many rows, skipped ones not counted. */
  limit?: number;
  /** Whether a malformed row ends the reading (the default) or is left out. */
  onBadRow?: "error" | "skip";
  /** Prompt of instruction rows, with `{instruction}` and `{input}`; default: the input after a blank line. */
  template?: string;
}

const FORMS = "{prompt, response}, {prompt, chosen, rejected}, {chosen, rejected} (messages), {messages}, " +
  "{instruction, input, output}, {prompt_ids, response_ids}, {prompt_ids, chosen_ids, rejected_ids}";

/** Reads `path`. Throws a UserError naming file and line of a malformed row, or where no row is left. */
export async function readRows(
  path: string,
  { limit = Infinity, onBadRow = "error", template }: ReadRowsOptions = {},
): Promise<{ rows: DataRow[]; skipped: SkippedRow[] }> {
  if (template !== undefined && !template.includes("{instruction}")) {
    throw new UserError(`Cannot use the data template ${quote(template)}: it has no {instruction}`);
  }
  const rows: DataRow[] = [];
  const skipped: SkippedRow[] = [];
  if (limit > 0) {
    for await (const { row, where, ...json } of readJsonRows(path)) {
      try {
        if ("problem" in json) throw new UserError(json.problem);
        rows.push({ ...parseRow(json.value, template), row, where });
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        if (onBadRow === "error") throw new UserError(`Cannot read ${where}: ${error.message}`);
        skipped.push({ where, reason: error.message });
      }
      if (rows.length >= limit) break;
    }
  }
  if (rows.length === 0) {
    const why = skipped[0]
      ? `all ${skipped.length} rows are malformed, the first (${skipped[0].where}): ${skipped[0].reason}`
      : "it holds no rows, expected at least one";
    throw new UserError(`Cannot use ${path}: ${why}`);
  }
  return { rows, skipped };
}

function parseRow(value: JsonValue, template: string | undefined): Omit<DataRow, "row" | "where"> & DataFields {
  if (!isObject(value)) throw new UserError(`the row is ${describe(value)}, expected an object`);
  const { used, ...fields } = parseForm(value, template);
  const reference = hasField(value, "reference") ? { reference: value.reference! } : {};
  // fromEntries, unlike assignment, keeps a column named __proto__ a column.
  const extra = Object.fromEntries(
    Object.entries(value).filter(([key]) => !used.includes(key) && key !== "reference"),
  );
  return { ...fields, ...reference, extra };
}

function parseForm(value: JsonObject, template: string | undefined): DataFields & { used: string[] } {
  const has = (...keys: string[]): boolean => keys.every((key) => hasField(value, key));
  if (has("prompt_ids", "chosen_ids", "rejected_ids")) {
    return {
      kind: "ids_pair",
      promptIds: idsField(value, "prompt_ids"),
      chosenIds: idsField(value, "chosen_ids"),
      rejectedIds: idsField(value, "rejected_ids"),
      used: ["prompt_ids", "chosen_ids", "rejected_ids"],
    };
  }
  if (has("prompt_ids", "response_ids")) {
    return {
      kind: "ids",
      promptIds: idsField(value, "prompt_ids"),
      responseIds: idsField(value, "response_ids"),
      used: ["prompt_ids", "response_ids"],
    };
  }
  if (has("chosen", "rejected") && Array.isArray(value.chosen)) return parseChatPair(value);
  if (has("prompt", "chosen", "rejected")) {
    return {
      kind: "text_pair",
      prompt: stringField(value, "prompt"),
      chosen: stringField(value, "chosen"),
      rejected: stringField(value, "rejected"),
      used: ["prompt", "chosen", "rejected"],
    };
  }
  if (has("prompt", "response")) {
    const used = ["prompt", "response"];
    return Array.isArray(value.prompt)
      ? { kind: "chat", prompt: messagesField(value, "prompt"), response: messagesField(value, "response"), used }
      : { kind: "text", prompt: stringField(value, "prompt"), response: stringField(value, "response"), used };
  }
  if (has("messages")) {
    const messages = messagesField(value, "messages");
    const last = messages.at(-1)!;
    if (last.role !== "assistant") {
      throw new UserError(`the last of "messages" has the role ${quote(last.role)}, expected "assistant"`);
    }
    if (messages.length < 2) throw new UserError('"messages" holds one turn, expected a prompt before the answer');
    return { kind: "chat", prompt: messages.slice(0, -1), response: [last], used: ["messages"] };
  }
  if (has("instruction", "output")) {
    const instruction = stringField(value, "instruction");
    const input = has("input") ? stringField(value, "input") : "";
    const prompt = template !== undefined
      ? template.replace(/\{(instruction|input)\}/g, (_, name) => name === "input" ? input : instruction)
      : input.trim() === ""
      ? instruction
      : `${instruction}\n\n${input}`;
    return { kind: "text", prompt, response: stringField(value, "output"), used: ["instruction", "input", "output"] };
  }
  const keys = Object.keys(value);
  const named = keys.slice(0, 12).map((key) => quote(key) + (value[key] === null ? " (null)" : "")).join(", ");
  const list = keys.length === 0 ? "no keys" : `the keys ${named}${keys.length > 12 ? ", …" : ""}`;
  throw new UserError(`the row has ${list}, expected one of ${FORMS}`);
}

/** Both sides are lists of messages; without a list as prompt, the turns they begin with in common are the prompt. */
function parseChatPair(value: JsonObject): DataFields & { used: string[] } {
  const chosen = messagesField(value, "chosen");
  const rejected = messagesField(value, "rejected");
  if (hasField(value, "prompt") && Array.isArray(value.prompt)) {
    const used = ["prompt", "chosen", "rejected"];
    return { kind: "chat_pair", prompt: messagesField(value, "prompt"), chosen, rejected, used };
  }
  // As in TRL: the last turn is never part of the prompt, even where both sides are the same.
  const most = Math.min(chosen.length, rejected.length) - 1;
  let common = 0;
  while (common < most && sameMessage(chosen[common]!, rejected[common]!)) common++;
  if (common === 0) {
    throw new UserError('"chosen" and "rejected" have no first turn in common, expected it, or "prompt" as messages');
  }
  return {
    kind: "chat_pair",
    prompt: chosen.slice(0, common),
    chosen: chosen.slice(common),
    rejected: rejected.slice(common),
    used: ["chosen", "rejected"],
  };
}

function sameMessage(a: Message, b: Message): boolean {
  return a.role === b.role && a.content === b.content;
}

function messagesField(object: JsonObject, key: string): Message[] {
  const value = object[key];
  if (!Array.isArray(value) || value.length === 0) throw wrong(key, value, "a list of messages {role, content}");
  return value.map((message, i) => {
    const at = `${key}[${i}]`;
    if (!isObject(message)) throw wrong(at, message, "a message {role, content}");
    const role = Object.hasOwn(message, "role") ? message.role : undefined;
    const content = Object.hasOwn(message, "content") ? message.content : undefined;
    if (typeof role !== "string") throw wrong(`${at}.role`, role, "a string");
    if (typeof content !== "string") throw wrong(`${at}.content`, content, "a string");
    return { ...message, role, content };
  });
}
