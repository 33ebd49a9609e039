/** Conversations as rows contain them. @module */
import { isRecord } from "../../values.ts";
import type { JsonObject, JsonValue } from "./json_rows.ts";
import { checkOrder, wrong } from "./row_fields.ts";
import { isShareGpt, shareGptMessage } from "./share_gpt.ts";

/** A part of a turn's content. */
export interface TextPart {
  /** The kind of the part. */
  readonly type: "text";
  /** Its text. */
  readonly text: string;
  /** Anything else that the template may read. */
  readonly [key: string]: JsonValue;
}

/** One turn of a conversation; keys besides these two reach the chat template. */
export interface Message {
  /** "system", "user", "assistant", or another role that the template knows. */
  readonly role: string;
  /** The turn's text, or its parts. Null or absent only in a turn with `tool_calls`. */
  readonly content?: string | null | TextPart[];
  /** Anything else that the template may read. */
  readonly [key: string]: JsonValue;
}

/** Reads a list of at least one {role, content} or {from, value}. Throws a UserError if it is anything else. */
export function messagesField(object: JsonObject, key: string): Message[] {
  const value = Object.hasOwn(object, key) ? object[key] : undefined;
  if (!Array.isArray(value) || value.length === 0) throw wrong(key, value, "a list of messages {role, content}");
  return value.map((message, i) => readMessage(message, `${key}[${i}]`));
}

/** Reads one {role, content} or {from, value}. Throws a UserError if it is anything else. */
export function messageField(object: JsonObject, key: string): Message {
  return readMessage(Object.hasOwn(object, key) ? object[key] : undefined, key);
}

/** The text of a turn, without the tools that it calls. */
export function messageText({ content }: Message): string {
  return Array.isArray(content) ? content.map(({ text }) => text).join("") : content ?? "";
}

/** Whether a turn calls tools. */
export function callsTools({ tool_calls: calls }: Message): boolean {
  return Array.isArray(calls) && calls.length > 0;
}

function readMessage(message: JsonValue | undefined, at: string): Message {
  if (!isRecord(message)) throw wrong(at, message as JsonValue, "a message {role, content}");
  if (isShareGpt(message)) return { ...shareGptMessage(message, at) };
  checkOrder(message as JsonValue, at);
  const field = (key: string): JsonValue | undefined => Object.hasOwn(message, key) ? message[key] : undefined;
  const role = field("role");
  if (typeof role !== "string") throw wrong(`${at}.role`, role, "a string");
  // Chat templates do not know OpenAI's older form, so that the call would be lost.
  if (isRecord(field("function_call"))) throw wrong(`${at}.function_call`, field("function_call"), '"tool_calls"');
  const calls = field("tool_calls") ?? null;
  if (calls !== null && !(Array.isArray(calls) && calls.every(isRecord))) {
    throw wrong(`${at}.tool_calls`, calls, "a list of objects");
  }
  const content = field("content");
  if (Array.isArray(content)) checkParts(content, `${at}.content`);
  else if (typeof content !== "string" && !(content == null && calls !== null && calls.length > 0)) {
    throw wrong(`${at}.content`, content, 'a string, or "tool_calls" beside it');
  }
  return message as Message;
}

/** Throws a UserError if a part is not text. */
function checkParts(parts: readonly JsonValue[], at: string): void {
  for (const [i, part] of parts.entries()) {
    const place = `${at}[${i}]`;
    if (!isRecord(part)) throw wrong(place, part, 'a part {type: "text", text}');
    if (part.type !== "text") throw wrong(`${place}.type`, part.type, '"text": images and other media are not read');
    if (typeof part.text !== "string") throw wrong(`${place}.text`, part.text, "a string");
  }
}
