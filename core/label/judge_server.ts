/** Asks a judging model behind a server, in a form of request that the server accepts. @module */
import { type Server, ServerError } from "../server/openai_client.ts";
import { isRecord } from "../values.ts";
import type { JudgeMode } from "./judge_prompt.ts";
import { type Reply, requestKey } from "./reply_cache.ts";
import { responseFormat } from "./verdict.ts";

/** The settings of every request. */
export interface ChatSettings {
  /** Address of the server. */
  url: string;
  /** The model's name there. */
  model: string;
  /** The verdict whose form is asked of the server; null: text, in a form that the question asks for. */
  mode: JudgeMode | null;
  temperature: number;
  maxTokens: number;
}

/** The full request for a question, whichever parts of it the server accepts. The key of its reply is made from it. */
function chatRequest(question: string, { model, mode, temperature, maxTokens }: ChatSettings): ChatBody {
  return {
    model,
    messages: [{ role: "user", content: question }],
    temperature,
    max_tokens: maxTokens,
    ...(mode !== null && { response_format: responseFormat(mode) }),
  };
}

/** The key under which the reply to a question is cached. */
export function questionKey(question: string, settings: ChatSettings): Promise<string> {
  return requestKey(settings.url, chatRequest(question, settings));
}

interface ChatBody extends Readonly<Record<string, unknown>> {
  model: string;
  temperature: number;
  max_tokens: number;
}

/** The form of request that a server accepts: which parts are sent, and how the limit of tokens is named. */
interface Dialect {
  format: boolean;
  temperature: boolean;
  limit: "max_tokens" | "max_completion_tokens";
}

/** A client that asks one server. */
export class ChatServer {
  readonly #server: Server;
  readonly #settings: ChatSettings;
  readonly #onNote: (line: string) => void;
  #dialect: Dialect;

  /** `onNote` is called with a line about each part of a request that the server does not accept. */
  constructor(server: Server, settings: ChatSettings, onNote: (line: string) => void) {
    this.#server = server;
    this.#settings = settings;
    this.#onNote = onNote;
    this.#dialect = { format: settings.mode !== null, temperature: true, limit: "max_tokens" };
  }

  /**
   * Asks a question. If the server refuses it in every form, or its answer is no completion, `reply` is null and `why`
   * gives the reason. Throws a ServerError for every other failure.
   */
  async ask(
    question: string,
    signal: AbortSignal,
  ): Promise<{ reply: Reply; why?: never } | { reply: null; why: string }> {
    const request = chatRequest(question, this.#settings);
    let dialect: Dialect | null = this.#dialect;
    for (;;) {
      try {
        const answer = await this.#server.post("/chat/completions", wire(request, dialect), { signal });
        this.#learn(dialect);
        return readAnswer(answer);
      } catch (error) {
        if (!(error instanceof ServerError) || !error.refusesRequest) throw error;
        dialect = simpler(dialect, error.detail);
        if (dialect === null) return { reply: null, why: `refused: ${error.detail || error.status}` };
      }
    }
  }

  /** Remembers the form that worked: the next request begins with it. */
  #learn(dialect: Dialect): void {
    const before = this.#dialect;
    this.#dialect = dialect;
    const { url } = this.#server;
    if (before.format && !dialect.format) {
      this.#onNote(`${url} takes no response_format: json_schema; verdicts are read from plain text`);
    }
    if (before.temperature && !dialect.temperature) {
      this.#onNote(
        `${url} takes no temperature ${this.#settings.temperature} for ${this.#settings.model}; its own is used`,
      );
    }
  }
}

function wire(request: ChatBody, { format, temperature, limit }: Dialect): Record<string, unknown> {
  const { response_format, temperature: value, max_tokens, ...rest } = request;
  return {
    ...rest,
    ...(temperature && { temperature: value }),
    [limit]: max_tokens,
    ...(format && { response_format }),
  };
}

/** The next form to try, given what the server said of this one; null if none is left. */
function simpler(dialect: Dialect, detail: string): Dialect | null {
  if (dialect.limit === "max_tokens" && detail.includes("max_completion_tokens")) {
    return { ...dialect, limit: "max_completion_tokens" };
  }
  if (dialect.temperature && /temperature/i.test(detail)) return { ...dialect, temperature: false };
  return dialect.format ? { ...dialect, format: false } : null;
}

function readAnswer(answer: unknown): { reply: Reply } | { reply: null; why: string } {
  const { choices, usage, error } = (answer ?? {}) as {
    choices?: { message?: { content?: unknown }; finish_reason?: unknown }[];
    usage?: { prompt_tokens?: unknown; completion_tokens?: unknown };
    error?: { message?: unknown };
  };
  const choice = Array.isArray(choices) && isRecord(choices[0]) ? choices[0] : undefined;
  if (!isRecord(choice?.message)) {
    const text = typeof error?.message === "string"
      ? error.message
      : typeof answer === "string"
      ? answer
      : JSON.stringify(answer);
    return { reply: null, why: `no chat completion: ${(text ?? "nothing").slice(0, 200).replace(/\s+/g, " ")}` };
  }
  const count = (value: unknown): number => Number.isSafeInteger(value) && value as number > 0 ? value as number : 0;
  return {
    reply: {
      content: contentText(choice.message.content),
      finish_reason: typeof choice.finish_reason === "string" ? choice.finish_reason : null,
      prompt_tokens: count(usage?.prompt_tokens),
      completion_tokens: count(usage?.completion_tokens),
    },
  };
}

/** The text of a message's content, which may be in parts: those that are no text, such as reasoning, are left out. */
function contentText(content: unknown): string | null {
  if (!Array.isArray(content)) return typeof content === "string" ? content : null;
  const texts = content.filter(isRecord).filter(({ type, text }) => type === "text" && typeof text === "string");
  return texts.length === 0 ? null : texts.map(({ text }) => text).join("");
}
