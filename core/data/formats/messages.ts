/** Conversations as rows contain them. @module */
import { UserError } from "../../error.ts";
import { isRecord } from "../../values.ts";
import type { JsonObject, JsonValue } from "./json_rows.ts";
import { wrong } from "./row_fields.ts";

/** One turn of a conversation; keys besides these two reach the chat template. */
export interface Message {
  /** "system", "user", "assistant", or another role that the template knows. */
  readonly role: string;
  /** The turn's text. */
  readonly content: string;
  /** Anything else that the template may read. */
  readonly [key: string]: JsonValue;
}

/** ShareGPT's names of the roles. */
const SHAREGPT_ROLES: Readonly<Record<string, string>> = {
  human: "user",
  user: "user",
  gpt: "assistant",
  chatgpt: "assistant",
  assistant: "assistant",
  system: "system",
  tool: "tool",
};

/** Reads a list of at least one {role, content}. Throws a UserError if it is anything else. */
export function messagesField(object: JsonObject, key: string): Message[] {
  return listField(object, key).map((message, i) => {
    const at = `${key}[${i}]`;
    if (!isRecord(message)) throw wrong(at, message, "a message {role, content}");
    const role = Object.hasOwn(message, "role") ? message.role : undefined;
    const content = Object.hasOwn(message, "content") ? message.content : undefined;
    if (typeof role !== "string") throw wrong(`${at}.role`, role, "a string");
    if (typeof content !== "string") throw wrong(`${at}.content`, content, "a string");
    return { ...message, role, content };
  });
}

/** Reads ShareGPT's list of {from, value}, or one of {role, content}. Throws a UserError if it is anything else. */
export function shareGptField(object: JsonObject, key: string): Message[] {
  const [first] = listField(object, key);
  if (isRecord(first) && Object.hasOwn(first, "role")) return messagesField(object, key);
  return listField(object, key).map((message, i) => {
    const at = `${key}[${i}]`;
    if (!isRecord(message)) throw wrong(at, message, "a message {from, value}");
    const from = Object.hasOwn(message, "from") ? message.from : undefined;
    const value = Object.hasOwn(message, "value") ? message.value : undefined;
    const role = typeof from === "string" && Object.hasOwn(SHAREGPT_ROLES, from) ? SHAREGPT_ROLES[from] : undefined;
    if (role === undefined) throw wrong(`${at}.from`, from, `one of ${Object.keys(SHAREGPT_ROLES).join(", ")}`);
    if (typeof value !== "string") throw wrong(`${at}.value`, value, "a string");
    return { role, content: value };
  });
}

function listField(object: JsonObject, key: string): readonly JsonValue[] {
  const value = object[key];
  if (!Array.isArray(value) || value.length === 0) throw wrong(key, value, "a list of messages {role, content}");
  return value;
}

/**
 * Extracts the prompt, the turns that both sides begin with, as TRL's extract_prompt does: the last turn is never part
 * of the prompt, even if both sides are the same. Throws a UserError if no turn is common.
 */
export function extractMessages(
  { chosen, rejected }: { chosen: Message[]; rejected: Message[] },
  [better, worse]: readonly [string, string],
): { prompt: Message[]; chosen: Message[]; rejected: Message[] } {
  const most = Math.min(chosen.length, rejected.length) - 1;
  let common = 0;
  while (common < most && sameMessage(chosen[common]!, rejected[common]!)) common++;
  if (common === 0) {
    throw new UserError(
      `"${better}" and "${worse}" have no first turn in common, expected it, or "prompt" as messages`,
    );
  }
  return { prompt: chosen.slice(0, common), chosen: chosen.slice(common), rejected: rejected.slice(common) };
}

function sameMessage(a: Message, b: Message): boolean {
  return a.role === b.role && a.content === b.content;
}

/**
 * Extracts the prompt, the text that both sides begin with, as TRL's extract_prompt does: a space before the first
 * difference goes to the sides, and the last character of the shorter side is never part of the prompt. Throws a
 * UserError if no text is common.
 */
export function extractPrompt(
  { chosen, rejected }: { chosen: string; rejected: string },
  [better, worse]: readonly [string, string],
): { prompt: string; chosen: string; rejected: string } {
  const [a, b] = [[...chosen], [...rejected]];
  const most = Math.min(a.length, b.length) - 1;
  let common = 0;
  while (common < most && a[common] === b[common]) common++;
  // TRL looks for the space only if it has found a difference.
  if (a[common] !== b[common] && a[common - 1] === " ") common--;
  if (common <= 0) throw new UserError(`"${better}" and "${worse}" begin differently, expected "prompt"`);
  const cut = (side: string[]): string => side.slice(common).join("");
  return { prompt: a.slice(0, common).join(""), chosen: cut(a), rejected: cut(b) };
}
