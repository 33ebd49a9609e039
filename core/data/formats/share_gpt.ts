/** Turns in ShareGPT's form and its relatives': `{from, value}`. @module */
import { isRecord } from "../../values.ts";
import type { JsonObject, JsonValue } from "./json_rows.ts";
import { parseJsonText } from "./json_texts.ts";
import { checkOrder, wrong } from "./row_fields.ts";

/** Who speaks, by the names that ShareGPT's dumps, FastChat, axolotl and LLaMA-Factory give. */
const ROLES: Readonly<Record<string, "user" | "assistant" | "system" | "tool" | "call">> = {
  human: "user",
  user: "user",
  gpt: "assistant",
  assistant: "assistant",
  chatgpt: "assistant",
  bing: "assistant",
  bard: "assistant",
  bot: "assistant",
  model: "assistant",
  system: "system",
  tool: "tool",
  observation: "tool",
  function_response: "tool",
  tool_response: "tool",
  function_call: "call",
  tool_call: "call",
};

/** A turn {role, content}; one that calls tools has no text. */
interface Turn {
  role: string;
  content: string;
  tool_calls?: JsonObject[];
}

/** Whether a message names its speaker `from`, not `role`. */
export function isShareGpt(message: JsonObject): boolean {
  return Object.hasOwn(message, "from") && !Object.hasOwn(message, "role");
}

/**
 * A message {role, content} from one {from, value}. A function_call becomes the assistant's turn with `tool_calls`, as
 * chat templates know them. Throws a UserError that names the key, as `at` and what follows, if it is anything else.
 */
export function shareGptMessage({ from, value }: JsonObject, at: string): Turn {
  const role = typeof from === "string" && Object.hasOwn(ROLES, from) ? ROLES[from] : undefined;
  if (role === undefined) throw wrong(`${at}.from`, from, `one of ${Object.keys(ROLES).join(", ")}`);
  if (typeof value !== "string") throw wrong(`${at}.value`, value, "a string");
  if (role !== "call") return { role, content: value };
  return { role: "assistant", content: "", tool_calls: readCalls(value, `${at}.value`) };
}

function readCalls(text: string, at: string): JsonObject[] {
  const parsed = parseJsonText(text.trim());
  const calls = "problem" in parsed ? [] : Array.isArray(parsed.value) ? parsed.value : [parsed.value];
  if (calls.length > 0 && calls.every(isCall)) {
    checkOrder(calls, at);
    return calls.map(({ name, arguments: given }) => ({ type: "function", function: { name, arguments: given } }));
  }
  throw wrong(at, text, "a call as JSON, {name, arguments}, or a list of calls");
}

function isCall(call: JsonValue): call is { name: string; arguments: JsonValue } {
  return isRecord(call) && typeof call.name === "string" && Object.hasOwn(call, "arguments");
}
