/** The judge that is a language model behind an OpenAI-compatible server. @module */
import { counted } from "../counted.ts";
import type { ResponseRow } from "../data/stage_files.ts";
import { fatal } from "../server/openai_client.ts";
import { runPool } from "../server/request_pool.ts";
import type { Judge } from "./judge.ts";
import { type Asking, questionsOf, rowVerdict } from "./judge_questions.ts";
import { type ChatServer, type ChatSettings, questionKey } from "./judge_server.ts";
import type { Reply, ReplyCache } from "./reply_cache.ts";
import { ReplyCount } from "./reply_count.ts";
import { uncutPart } from "./verdict.ts";

/** Options of {@linkcode llmJudge}. */
export interface LlmJudge {
  /** The judge's name (default `llm`); an ensemble may have several judges of this kind. */
  name?: string;
  server: ChatServer;
  settings: ChatSettings;
  asking: Asking;
  cache: ReplyCache;
  /** Requests at a time. */
  concurrency: number;
  /** The share of replies that may be unreadable. */
  maxInvalid: number;
  /** Prices of a million tokens of questions and of replies, if known. */
  inputPrice?: number;
  outputPrice?: number;
  /** Once aborted, no further request is sent. */
  signal: AbortSignal;
}

/** A question, which is asked once for all rows that have it. */
interface JudgeQuestion {
  text: string;
  key: string;
  /** Indices of the rows that have it, one for each time that it occurs. */
  rows: number[];
}

/** Makes each row's questions, and lists each different question once. */
export async function planQuestions(
  rows: readonly ResponseRow[],
  { asking, settings }: { asking: Asking; settings: ChatSettings },
): Promise<{ texts: string[][]; questions: JudgeQuestion[] }> {
  const questions = new Map<string, JudgeQuestion>();
  const texts = rows.map((row) => questionsOf(row, asking));
  for (const [i, list] of texts.entries()) {
    for (const text of list) {
      const known = questions.get(text);
      if (known) known.rows.push(i);
      else questions.set(text, { text, key: await questionKey(text, settings), rows: [i] });
    }
  }
  return { texts, questions: [...questions.values()] };
}

/** A judge that asks a server. `score` throws a UserError if the server fails, or too many replies are unreadable. */
export function llmJudge(options: LlmJudge): Judge {
  const { server, settings, asking, cache, concurrency, maxInvalid, inputPrice, outputPrice, signal } = options;
  const { name = "llm" } = options;
  const totals = { requests: 0, cached: 0, invalid: 0, prompt: 0, completion: 0 };
  let told: string[] = [];
  const cost = (): number => (totals.prompt * (inputPrice ?? 0) + totals.completion * (outputPrice ?? 0)) / 1e6;
  const isPriced = inputPrice !== undefined || outputPrice !== undefined;
  return {
    name,
    async score(rows, onDone) {
      const { texts, questions } = await planQuestions(rows, { asking, settings });
      const count = new ReplyCount({ name, mode: asking.mode, maxInvalid, total: questions.length });
      const replies = new Map<string, string | null>();
      const left = texts.map((list) => list.length);
      let done = left.filter((open) => open === 0).length;
      const take = ({ text, rows: asked }: JudgeQuestion, reply: Reply | null, why: string): void => {
        const isCut = reply?.finish_reason === "length";
        const content = isCut ? uncutPart(reply.content ?? "") : reply?.content ?? null;
        replies.set(text, content);
        totals.prompt += reply?.prompt_tokens ?? 0;
        totals.completion += reply?.completion_tokens ?? 0;
        for (const i of asked) if (--left[i]! === 0) done++;
        count.add(content, why);
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
      totals.requests += questions.length;
      totals.cached += questions.length - open.length;
      onDone(done);
      try {
        await runPool(open, { concurrency, signal }, async (question, stop) => {
          const { reply, why } = await server.ask(question.text, stop);
          if (reply) await cache.put(question.key, reply);
          take(question, reply, why ?? explain(reply!));
          onDone(done);
        });
      } catch (error) {
        // If the run was stopped during a pause before a repetition, `onDone` throws that.
        if (signal.aborted) onDone(done);
        throw fatal(
          error,
          `Cannot label with judge ${name}`,
          "; what is answered is kept, and the same command goes on",
        );
      }
      if (replies.size < questions.length) {
        onDone(done);
        signal.throwIfAborted();
      }
      totals.invalid += count.unreadable;
      told = count.notes();
      return texts.map((list) => rowVerdict(list.map((text) => replies.get(text)!), asking.mode));
    },
    metrics: () => ({
      "labels/requests": totals.requests,
      "labels/invalid": totals.invalid,
      "labels/prompt_tokens": totals.prompt,
      "labels/completion_tokens": totals.completion,
      ...(isPriced && { "labels/cost": cost() }),
    }),
    notes: () => [
      `Judge ${name} (${settings.model} at ${settings.url}): ${
        counted(totals.requests, "request")
      }, ${totals.cached} of them answered before; ${counted(totals.prompt, "token")} asked, ${
        counted(totals.completion, "token")
      } answered${isPriced ? `, cost ${cost().toFixed(4)}` : ""}`,
      ...told,
    ],
  };
}
