/** Renders chat templates (Jinja) as transformers does. @module */
import { UserError } from "../../error.ts";
import { isRecord } from "../../values.ts";
import type { ChatVariables } from "../formats/chat_variables.ts";
import { errorLine } from "../formats/data_problems.ts";
import type { JsonObject } from "../formats/json_rows.ts";
import { callsTools, type Message } from "../formats/messages.ts";
import { settleParts } from "./content_parts.ts";
import { type CompiledTemplate, compileTemplate, type TemplateOptions } from "./template/compile_template.ts";

/** How a conversation is rendered. */
export interface RenderOptions extends ChatVariables {
  /** Whether the header that opens the assistant's next turn is written at the end. */
  addGenerationPrompt: boolean;
  /**
   * Whether no text of a data set's row may be lost (default false, as in transformers): calls of tools that the template
   * does not know are an error, and a single part becomes text where it reads no parts.
   */
  keepText?: boolean;
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
  renderMarked(messages: readonly Message[], options?: Omit<RenderOptions, "addGenerationPrompt">): MarkedText | null;
}

/**
 * Compiles the chat template of a model folder. `jinja`, the text of the file `origin`, takes precedence over the
 * `chat_template` in tokenizer_config.json, which is a string or a list with one named "default", and perhaps one named
 * "tool_use" for rows with tools. Returns null if there is neither. `specialTokens` are the template's variables
 * bos_token, eos_token and so on. `unread` is a file with a template for rows with tools, which are then refused. Throws a UserError if the template cannot be compiled; so does rendering if it fails.
 */
export function compileChatTemplate(
  config: JsonObject,
  {
    dir,
    jinja,
    origin = `${dir}/${jinja === null ? "tokenizer_config.json" : "chat_template.jinja"}`,
    specialTokens,
    unread,
    ...options
  }: TemplateOptions & {
    dir: string;
    jinja: string | null;
    origin?: string;
    specialTokens: Readonly<Partial<Record<string, string>>>;
    unread?: string;
  },
): ChatTemplate | null {
  const sources = templateTexts(config, { jinja, origin });
  if (sources === null) return null;
  const attempt = <T>(action: string, run: () => T): T => {
    try {
      return run();
    } catch (error) {
      throw new UserError(`Cannot ${action} the chat template of ${origin}: ${errorLine(error)}`);
    }
  };
  const compile = (source: string): OneTemplate => ({ source, render: compileTemplate(source, options) });
  const usual = attempt("compile", () => compile(sources.usual));
  const { forTools: toolSource } = sources;
  const forTools = toolSource === undefined ? usual : attempt("compile", () => compile(toolSource));
  const prepare = (
    messages: readonly Message[],
    { addGenerationPrompt, keepText = false, tools, chat_template_kwargs: kwargs = {} }: RenderOptions,
  ): Prepared => {
    // The order of precedence is transformers'; templates test `tools is not none`, which is true of undefined.
    const given = { tools: tools ?? null, documents: null, ...kwargs };
    if (given.tools !== null && unread !== undefined) {
      throw new Error(`rows with tools have a template of their own, ${unread}, expected it as data.chat_template`);
    }
    const { source, render } = given.tools === null ? usual : forTools;
    if (keepText) checkCalls(messages, source);
    const fixed = { ...specialTokens, ...given, add_generation_prompt: addGenerationPrompt };
    const settled = keepText ? settleParts(messages, (messages) => render({ ...fixed, messages })) : messages;
    return { source, render: (marks) => render({ ...fixed, messages: settled }, marks) };
  };
  return Object.assign(
    (messages: readonly Message[], options: RenderOptions) =>
      attempt("render", () => prepare(messages, options).render()),
    {
      renderMarked: (
        messages: readonly Message[],
        options: Omit<RenderOptions, "addGenerationPrompt"> = {},
      ): MarkedText | null =>
        attempt("render", () => renderMarks(prepare(messages, { ...options, addGenerationPrompt: false }))),
    },
  );
}

interface OneTemplate {
  source: string;
  render: CompiledTemplate;
}

/** A template with all its variables. */
interface Prepared {
  source: string;
  render(marks?: [string, string]): string;
}

/** Throws an error if the template does not know the calls of tools that a turn makes: they would be lost. */
function checkCalls(messages: readonly Message[], source: string): void {
  const turn = messages.findIndex(callsTools);
  if (turn < 0 || source.includes("tool_calls")) return;
  throw new Error(`it does not write the "tool_calls" of message ${turn}, expected a template that does`);
}

function renderMarks({ source, render }: Prepared): MarkedText | null {
  if (!GENERATION.test(source)) return null;
  const text = render();
  const [begin, end] = unusedMarks(text + source);
  const marked = cutMarks(render([begin, end]), { begin, end });
  // A block in a macro or a `set` may be cut, counted or compared later: with marks that gives another text.
  if (marked.text === text) return marked;
  throw new Error("it changes what a generation block has written, expected blocks whose text is written as it is");
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

/** The texts of a model's templates. */
export interface TemplateTexts {
  usual: string;
  /** The one for rows with tools, if that is another. */
  forTools?: string;
}

/** The templates that {@linkcode compileChatTemplate} compiles; null if there are none. Throws a UserError. */
export function templateTexts(
  config: JsonObject,
  { jinja, origin }: { jinja: string | null; origin: string },
): TemplateTexts | null {
  if (jinja !== null) return { usual: jinja };
  const value = config.chat_template ?? null;
  if (value === null) return null;
  if (typeof value === "string") return { usual: value };
  if (!Array.isArray(value)) {
    throw new UserError(`Cannot use "chat_template" of ${origin}: expected a string or a list of {name, template}`);
  }
  const named = (name: string): string | undefined => {
    const entry = value.findLast((entry) => isRecord(entry) && entry.name === name);
    return isRecord(entry) && typeof entry.template === "string" ? entry.template : undefined;
  };
  const [usual, forTools] = [named("default"), named("tool_use")];
  if (usual === undefined) {
    throw new UserError(`Cannot use "chat_template" of ${origin}: the list has no {name: "default", template}`);
  }
  return forTools === undefined ? { usual } : { usual, forTools };
}
