/** A judging model behind a server: one question, one reply, in the form that the server takes. @module */
import { type Server, ServerError } from "../server/openai_client.ts";
import type { JudgeMode } from "./judge_prompt.ts";
import { type Reply, requestKey } from "./reply_cache.ts";
import { responseFormat } from "./verdict.ts";

/** What every request says. */
export interface ChatSettings {
  /** Address of the server. */
  url: string;
  /** The model's name there. */
  model: string;
  mode: JudgeMode;
  temperature: number;
  maxTokens: number;
}

/** A request as it is meant, whatever part of it the server takes: the key of its reply. */
export function chatRequest(question: string, { model, mode, temperature, maxTokens }: ChatSettings): ChatBody {
  return {
    model,
    messages: [{ role: "user", content: question }],
    temperature,
    max_tokens: maxTokens,
    response_format: responseFormat(mode),
  };
}

/** The key of the reply to a question. */
export function questionKey(question: string, settings: ChatSettings): Promise<string> {
  return requestKey(settings.url, chatRequest(question, settings));
}

interface ChatBody extends Readonly<Record<string, unknown>> {
  model: string;
  temperature: number;
  max_tokens: number;
}

/** What a server does not take is left out, or named otherwise. */
interface Dialect {
  format: boolean;
  temperature: boolean;
  limit: "max_tokens" | "max_completion_tokens";
}

/** Asks one server. */
export class ChatServer {
  readonly #server: Server;
  readonly #settings: ChatSettings;
  readonly #onNote: (line: string) => void;
  #dialect: Dialect = { format: true, temperature: true, limit: "max_tokens" };

  /** `onNote` is told of what the server does not take. */
  constructor(server: Server, settings: ChatSettings, onNote: (line: string) => void) {
    this.#server = server;
    this.#settings = settings;
    this.#onNote = onNote;
  }

  /**
   * Asks a question. Where the server refuses it in every form, or answers what is no completion, `reply` is null and
   * `why` says so; every other failure is thrown as a ServerError.
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

  /** What has worked once is how the next request begins. */
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

/** The next form to try after what the server said of this one; null where none is left. */
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
  const choice = Array.isArray(choices) ? choices[0] : undefined;
  if (choice?.message === undefined) {
    const text = typeof error?.message === "string"
      ? error.message
      : typeof answer === "string"
      ? answer
      : JSON.stringify(answer);
    return { reply: null, why: `no chat completion: ${(text ?? "nothing").slice(0, 200).replace(/\s+/g, " ")}` };
  }
  const { content } = choice.message;
  const count = (value: unknown): number => typeof value === "number" && Number.isFinite(value) ? value : 0;
  return {
    reply: {
      content: typeof content === "string" ? content : null,
      finish_reason: typeof choice.finish_reason === "string" ? choice.finish_reason : null,
      prompt_tokens: count(usage?.prompt_tokens),
      completion_tokens: count(usage?.completion_tokens),
    },
  };
}
