/** Questions to a judging model behind a server: each is asked once, its reply kept, and its cost counted. @module */
import { counted } from "../counted.ts";
import { fatal } from "../server/openai_client.ts";
import { runPool } from "../server/request_pool.ts";
import type { ChatServer, ChatSettings } from "./judge_server.ts";
import type { Reply, ReplyCache } from "./reply_cache.ts";

/** How questions are asked. */
export interface ServerQuestionsOptions {
  server: ChatServer;
  settings: ChatSettings;
  cache: ReplyCache;
  /** Requests at a time. */
  concurrency: number;
  /** Prices of a million tokens of questions and of replies, if known. */
  inputPrice?: number;
  outputPrice?: number;
  /** Once aborted, no further request is sent. */
  signal: AbortSignal;
}

/** A question and the key of its reply. */
export interface ServerQuestion {
  readonly text: string;
  readonly key: string;
}

/** What was asked so far, and what it took. */
export interface ServerUsage {
  requests: number;
  /** Those of them whose reply was there before. */
  cached: number;
  /** Tokens of the questions and of the replies, as the server counts them. */
  prompt: number;
  completion: number;
  /** By the prices; null if there are none. */
  cost: number | null;
}

/** Asks a server, and counts. */
export class ServerQuestions {
  readonly #options: ServerQuestionsOptions;
  readonly #totals = { requests: 0, cached: 0, prompt: 0, completion: 0 };

  constructor(options: ServerQuestionsOptions) {
    this.#options = options;
  }

  /** The settings of every request. */
  get settings(): ChatSettings {
    return this.#options.settings;
  }

  /** What all calls of {@linkcode ask} together took, replies of before included. */
  get usage(): ServerUsage {
    const { inputPrice, outputPrice } = this.#options;
    const { prompt, completion } = this.#totals;
    const isPriced = inputPrice !== undefined || outputPrice !== undefined;
    const cost = (prompt * (inputPrice ?? 0) + completion * (outputPrice ?? 0)) / 1e6;
    return { ...this.#totals, cost: isPriced ? cost : null };
  }

  /**
   * Asks what was not answered before. `onReply` gets each question's place with its reply, or with null and the reason,
   * and may throw to stop; so may `onProgress`, which is called after it. Throws a UserError that begins with `action` if
   * the server fails.
   */
  async ask<Q extends ServerQuestion>(
    questions: readonly Q[],
    { action, onReply, onProgress }: {
      action: string;
      onReply: (question: Q, reply: Reply | null, why: string) => void;
      onProgress: () => void;
    },
  ): Promise<void> {
    const { server, cache, concurrency, settings, signal } = this.#options;
    let taken = 0;
    const take = (question: Q, reply: Reply | null, why: string): void => {
      taken++;
      this.#totals.prompt += reply?.prompt_tokens ?? 0;
      this.#totals.completion += reply?.completion_tokens ?? 0;
      onReply(question, reply, why);
    };
    const explain = ({ content, finish_reason }: Reply): string =>
      finish_reason === "length"
        ? `cut at max_tokens ${settings.maxTokens}`
        : content === null
        ? "an answer without text"
        : "";
    const open = questions.filter((question) => {
      const reply = cache.get(question.key);
      if (reply) take(question, reply, explain(reply));
      return reply === undefined;
    });
    this.#totals.requests += questions.length;
    this.#totals.cached += questions.length - open.length;
    onProgress();
    try {
      await runPool(open, { concurrency, signal }, async (question, stop) => {
        const { reply, why } = await server.ask(question.text, stop);
        if (reply) await cache.put(question.key, reply);
        take(question, reply, why ?? explain(reply!));
        onProgress();
      });
    } catch (error) {
      // If the run was stopped during a pause before a repetition, `onProgress` throws that.
      if (signal.aborted) onProgress();
      throw fatal(error, action, "; what is answered is kept, and the same command goes on");
    }
    if (taken < questions.length) {
      onProgress();
      signal.throwIfAborted();
    }
  }

  /** A line about requests, tokens and cost, for the judge called `name`. */
  note(name: string): string {
    const { model, url } = this.settings;
    const { requests, cached, prompt, completion, cost } = this.usage;
    return `Judge ${name} (${model} at ${url}): ${counted(requests, "request")}, ${cached} of them answered before; ${
      counted(prompt, "token")
    } asked, ${counted(completion, "token")} answered${cost === null ? "" : `, cost ${cost.toFixed(4)}`}`;
  }
}
