/** What a row gives the chat template besides its turns. @module */
import { UserError } from "../../error.ts";
import { isRecord } from "../../values.ts";
import type { JsonObject, JsonValue } from "./json_rows.ts";
import { parseJsonText } from "./json_texts.ts";
import { checkOrder, hasField, wrong } from "./row_fields.ts";

/** A row's variables of the chat template. */
export interface ChatVariables {
  /** Descriptions of the tools that the assistant may call, as JSON schemas. */
  readonly tools?: readonly JsonObject[];
  /** Further variables by their names, such as `enable_thinking`. */
  readonly chat_template_kwargs?: JsonObject;
}

/** The columns of the variables. */
export const CHAT_COLUMNS = ["tools", "chat_template_kwargs"] as const;

/**
 * Names that transformers' apply_chat_template takes for itself. None of them reaches a template, and what some of them
 * do is not the row's to say.
 */
const RESERVED: readonly string[] = [
  ...["conversation", "conversations", "messages", "add_generation_prompt", "continue_final_message", "chat_template"],
  ...["tokenize", "return_dict", "return_tensors", "return_assistant_tokens_mask", "tokenizer_kwargs"],
  ...["padding", "truncation", "max_length"],
];

/**
 * Reads a row's `tools`, a list or a list as JSON, and its `chat_template_kwargs`. Throws a UserError if they are
 * anything else, or if the latter name something that is no variable of a template.
 */
export function chatVariables(row: JsonObject): ChatVariables {
  const kwargs = hasField(row, "chat_template_kwargs") ? row.chat_template_kwargs! : undefined;
  if (kwargs !== undefined) {
    if (!isRecord(kwargs)) throw wrong("chat_template_kwargs", kwargs, "an object");
    const reserved = Object.keys(kwargs).find((name) => RESERVED.includes(name));
    if (reserved !== undefined) {
      const place = reserved === "chat_template" ? " (data.chat_template)" : "";
      throw new UserError(`"chat_template_kwargs" has "${reserved}", expected variables of the template alone${place}`);
    }
    for (const name of ["tools", "documents"]) {
      if (hasField(kwargs, name)) checkObjects(kwargs[name]!, `chat_template_kwargs.${name}`);
    }
  }
  const tools = readTools(row);
  if (tools !== undefined) checkOrder(tools, "tools");
  if (kwargs !== undefined) checkOrder(kwargs, "chat_template_kwargs");
  return {
    ...(tools !== undefined && { tools }),
    ...(kwargs !== undefined && { chat_template_kwargs: kwargs as JsonObject }),
  };
}

function readTools(row: JsonObject): JsonObject[] | undefined {
  if (!hasField(row, "tools")) return undefined;
  const value = row.tools!;
  if (typeof value !== "string") return checkObjects(value, "tools");
  if (value.trim() === "") return undefined;
  const parsed = parseJsonText(value);
  if ("problem" in parsed) throw new UserError(`"tools" is text that is ${parsed.problem}, expected a list of objects`);
  return parsed.value === null ? undefined : checkObjects(parsed.value, "tools");
}

function checkObjects(value: JsonValue, key: string): JsonObject[] {
  if (!Array.isArray(value)) throw wrong(key, value, "a list of objects");
  const bad = value.findIndex((item) => !isRecord(item));
  if (bad >= 0) throw wrong(`${key}[${bad}]`, value[bad], "an object");
  return value as JsonObject[];
}
