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

/** Requests to a server, and what they took. */
export interface ServerCounts {
  requests: number;
  /** Tokens of the questions and of the replies, as the server counts them. */
  prompt: number;
  completion: number;
  /** By the prices; null if there are none. */
  cost: number | null;
}

/** What was asked so far, replies of before included. */
export interface ServerUsage extends ServerCounts {
  /** Requests whose reply was there before. */
  cached: number;
  /** What was sent now, and paid for now. */
  now: ServerCounts;
}

/** Asks a server, and counts. */
export class ServerQuestions {
  readonly #options: ServerQuestionsOptions;
  readonly #kept = { requests: 0, prompt: 0, completion: 0 };
  readonly #now = { requests: 0, prompt: 0, completion: 0 };

  constructor(options: ServerQuestionsOptions) {
    this.#options = options;
  }

  /** The settings of every request. */
  get settings(): ChatSettings {
    return this.#options.settings;
  }

  /** What all calls of {@linkcode ask} together took, replies of before included. */
  get usage(): ServerUsage {
    const [kept, now] = [this.#kept, this.#now];
    const all = {
      requests: kept.requests + now.requests,
      prompt: kept.prompt + now.prompt,
      completion: kept.completion + now.completion,
    };
    return { ...this.#priced(all), cached: kept.requests, now: this.#priced(now) };
  }

  #priced(counts: Omit<ServerCounts, "cost">): ServerCounts {
    const { inputPrice, outputPrice } = this.#options;
    const isPriced = inputPrice !== undefined || outputPrice !== undefined;
    const cost = (counts.prompt * (inputPrice ?? 0) + counts.completion * (outputPrice ?? 0)) / 1e6;
    return { ...counts, cost: isPriced ? cost : null };
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
    const take = (
      question: Q,
      reply: Reply | null,
      { why, to }: { why: string; to: Omit<ServerCounts, "cost"> },
    ): void => {
      taken++;
      to.prompt += reply?.prompt_tokens ?? 0;
      to.completion += reply?.completion_tokens ?? 0;
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
      if (reply) take(question, reply, { why: explain(reply), to: this.#kept });
      return reply === undefined;
    });
    this.#kept.requests += questions.length - open.length;
    this.#now.requests += open.length;
    onProgress();
    try {
      await runPool(open, { concurrency, signal }, async (question, stop) => {
        const { reply, why } = await server.ask(question.text, stop);
        if (reply) await cache.put(question.key, reply);
        take(question, reply, { why: why ?? explain(reply!), to: this.#now });
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
    const { cached, now, ...all } = this.usage;
    const paid = cached === 0 ? "" : `; of that now: ${now.requests === 0 ? "nothing" : countsText(now)}`;
    return `Judge ${name} (${model} at ${url}): ${
      counted(all.requests, "request")
    }, ${cached} of them answered before; ${countsText(all)}${paid}`;
  }
}

function countsText({ prompt, completion, cost }: ServerCounts): string {
  return `${counted(prompt, "token")} asked, ${counted(completion, "token")} answered${
    cost === null ? "" : `, cost ${cost.toFixed(4)}`
  }`;
}

/** The sums of several counts; null without any. */
export function sumCounts(all: readonly ServerCounts[]): ServerCounts | null {
  if (all.length === 0) return null;
  return all.reduce((a, b) => ({
    requests: a.requests + b.requests,
    prompt: a.prompt + b.prompt,
    completion: a.completion + b.completion,
    cost: a.cost === null ? b.cost : a.cost + (b.cost ?? 0),
  }));
}
