/** Renders chat templates (Jinja) as transformers does. @module */
import { UserError } from "../../error.ts";
import { isRecord } from "../../values.ts";
import { errorLine } from "../formats/data_problems.ts";
import { jsonText } from "../formats/json_numbers.ts";
import type { JsonObject } from "../formats/json_rows.ts";
import type { Message } from "../formats/messages.ts";
import { compileTemplate, type TemplateOptions } from "./template/compile_template.ts";

/** How a conversation is rendered. */
export interface RenderOptions {
  /** Whether the header that opens the assistant's next turn is written at the end. */
  addGenerationPrompt: boolean;
}

/** A text and its spans that the assistant writes. */
export interface MarkedText {
  /** The conversation as the template writes it. */
  text: string;
  /** Start and end (exclusive) of each span in order, in UTF-16 units. */
  spans: [start: number, end: number][];
}

/** Writes a conversation as one text. */
export interface ChatTemplate {
  (messages: readonly Message[], options: RenderOptions): string;
  /** The text with the spans of the `{% generation %}` blocks; null if the template has none. */
  renderMarked(messages: readonly Message[]): MarkedText | null;
}

/**
 * Compiles the chat template of a model folder. `jinja`, the text of the file `origin`, takes precedence over the
 * `chat_template` in tokenizer_config.json, which is a string or a list with one named "default". Returns null if there
 * is neither. `specialTokens` are the template's variables bos_token, eos_token and so on. Throws a UserError if the
 * template cannot be compiled; so does rendering if it fails.
 */
export function compileChatTemplate(
  config: JsonObject,
  {
    dir,
    jinja,
    origin = `${dir}/${jinja === null ? "tokenizer_config.json" : "chat_template.jinja"}`,
    specialTokens,
    ...options
  }: TemplateOptions & {
    dir: string;
    jinja: string | null;
    origin?: string;
    specialTokens: Readonly<Partial<Record<string, string>>>;
  },
): ChatTemplate | null {
  const source = jinja ?? configuredTemplate(config, origin);
  if (source === undefined) return null;
  const attempt = <T>(action: string, run: () => T): T => {
    try {
      return run();
    } catch (error) {
      throw new UserError(`Cannot ${action} the chat template of ${origin}: ${errorLine(error)}`);
    }
  };
  const variables = (messages: readonly Message[], addGenerationPrompt: boolean): Record<string, unknown> => ({
    ...specialTokens,
    messages,
    add_generation_prompt: addGenerationPrompt,
    // Templates test these with `is not none`, which would be true of an undefined variable.
    tools: null,
    documents: null,
  });
  const render = attempt("compile", () => compileTemplate(source, options));
  return Object.assign(
    (messages: readonly Message[], { addGenerationPrompt }: RenderOptions) =>
      attempt("render", () => render(variables(messages, addGenerationPrompt))),
    {
      renderMarked(messages: readonly Message[]): MarkedText | null {
        if (!GENERATION.test(source)) return null;
        return attempt("render", () => {
          const [begin, end] = unusedMarks(jsonText(messages) + source);
          const values = variables(messages, false);
          const marked = cutMarks(render(values, [begin, end]), { begin, end });
          // A block in a macro or a `set` may be cut, counted or compared later: with marks that gives another text.
          if (marked.text === render(values)) return marked;
          throw new Error(
            "it changes what a generation block has written, expected blocks whose text is written as it is",
          );
        });
      },
    },
  );
}

const GENERATION = /\{%[-+]?\s*generation\s*[-+]?%\}/;

/** Two private-use characters that do not occur in the text. */
function unusedMarks(text: string): [string, string] {
  const found: string[] = [];
  for (let code = 0xe000; found.length < 2 && code < 0xf900; code++) {
    const mark = String.fromCharCode(code);
    if (!text.includes(mark)) found.push(mark);
  }
  if (found.length < 2) throw new Error("the conversation has every private-use character");
  return found as [string, string];
}

function cutMarks(marked: string, { begin, end }: { begin: string; end: string }): MarkedText {
  const spans: [number, number][] = [];
  let text = "";
  let start: number | undefined;
  for (const part of marked.split(new RegExp(`([${begin}${end}])`))) {
    if (part === begin) start = text.length;
    else if (part !== end) text += part;
    else if (start !== undefined) {
      if (text.length > start) spans.push([start, text.length]);
      start = undefined;
    }
  }
  return { text, spans };
}

function configuredTemplate(config: JsonObject, origin: string): string | undefined {
  const value = config.chat_template ?? undefined;
  if (value === undefined || typeof value === "string") return value;
  if (Array.isArray(value)) {
    const named = value.find((entry) => isRecord(entry) && entry.name === "default");
    if (isRecord(named) && typeof named.template === "string") return named.template;
    throw new UserError(`Cannot use "chat_template" of ${origin}: the list has no {name: "default", template}`);
  }
  throw new UserError(`Cannot use "chat_template" of ${origin}: expected a string or a list of {name, template}`);
}
