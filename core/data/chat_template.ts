/** Chat templates (Jinja), rendered as transformers does. @module */
import { UserError } from "../error.ts";
import { compileBounded } from "./bounded_template.ts";
import { isObject } from "./fields.ts";
import type { JsonObject } from "./json_rows.ts";
import { oneLine } from "./problems.ts";
import type { Message } from "./rows.ts";

/** How a conversation is rendered. */
export interface RenderOptions {
  /** Whether the header that opens the assistant's next turn is written. */
  addGenerationPrompt: boolean;
}

/** Writes a conversation as one text. */
export type ChatTemplate = (messages: readonly Message[], options: RenderOptions) => string;

/**
 * Compiles the template of a model folder: `jinja`, the text of chat_template.jinja, goes before the `chat_template` of
 * tokenizer_config.json (a string, or a list of named ones of which "default" is taken); null where there is neither.
 * `specialTokens` are the variables bos_token, eos_token, ….
 */
export function compileChatTemplate(
  config: JsonObject,
  { dir, jinja, specialTokens }: { dir: string; jinja: string | null; specialTokens: Record<string, string> },
): ChatTemplate | null {
  const origin = `${dir}/${jinja === null ? "tokenizer_config.json" : "chat_template.jinja"}`;
  const source = jinja ?? configuredTemplate(config, origin);
  if (source === null) return null;
  let render: ReturnType<typeof compileBounded>;
  try {
    render = compileBounded(source.replaceAll("\r\n", "\n"));
  } catch (error) {
    throw new UserError(`Cannot compile the chat template of ${origin}: ${oneLine(error)}`);
  }
  return (messages, { addGenerationPrompt }) => {
    try {
      return render({
        ...specialTokens,
        messages,
        add_generation_prompt: addGenerationPrompt,
        // Templates ask `is not none`, which an undefined variable is not.
        tools: null,
        documents: null,
      });
    } catch (error) {
      throw new UserError(`Cannot render the chat template of ${origin}: ${oneLine(error)}`);
    }
  };
}

function configuredTemplate(config: JsonObject, origin: string): string | null {
  const value = config.chat_template ?? null;
  if (value === null || typeof value === "string") return value;
  if (Array.isArray(value)) {
    const named = value.find((entry) => isObject(entry) && entry.name === "default");
    if (isObject(named) && typeof named.template === "string") return named.template;
    throw new UserError(`Cannot use "chat_template" of ${origin}: the list has no {name: "default", template}`);
  }
  throw new UserError(`Cannot use "chat_template" of ${origin}: expected a string or a list of {name, template}`);
}
