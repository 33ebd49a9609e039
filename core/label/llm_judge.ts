/** The judge that is a language model behind an OpenAI-compatible server. @module */
import type { ResponseRow } from "../data/stage_files.ts";
import type { Judge } from "./judge.ts";
import { type Asking, questionsOf, rowVerdict } from "./judge_questions.ts";
import { type ChatSettings, questionKey } from "./judge_server.ts";
import { ReplyCount, VERDICT_FORMS } from "./reply_count.ts";
import { type ServerQuestion, ServerQuestions, type ServerQuestionsOptions } from "./server_questions.ts";
import { uncutPart } from "./verdict.ts";

/** Options of {@linkcode llmJudge}. */
export interface LlmJudge extends ServerQuestionsOptions {
  /** The judge's name (default `llm`); an ensemble may have several judges of this kind. */
  name?: string;
  asking: Asking;
  /** The share of replies that may be unreadable. */
  maxInvalid: number;
}

/** A question, which is asked once for all rows that have it. */
interface JudgeQuestion extends ServerQuestion {
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
export function llmJudge({ name = "llm", asking, maxInvalid, ...options }: LlmJudge): Judge {
  const asked = new ServerQuestions(options);
  let invalid = 0;
  let told: string[] = [];
  return {
    name,
    async score(rows, onDone) {
      const { texts, questions } = await planQuestions(rows, { asking, settings: options.settings });
      const count = new ReplyCount({ name, form: VERDICT_FORMS[asking.mode], maxInvalid, total: questions.length });
      const replies = new Map<string, string | null>();
      const left = texts.map((list) => list.length);
      let done = left.filter((open) => open === 0).length;
      await asked.ask(questions, {
        action: `Cannot label with judge ${name}`,
        onReply: ({ text, rows: askedFor }, reply, why) => {
          const isCut = reply?.finish_reason === "length";
          const content = isCut ? uncutPart(reply.content ?? "") : reply?.content ?? null;
          replies.set(text, content);
          for (const i of askedFor) if (--left[i]! === 0) done++;
          count.add(content, why);
        },
        onProgress: () => onDone(done),
      });
      invalid += count.unreadable;
      told = count.notes();
      return texts.map((list) => rowVerdict(list.map((text) => replies.get(text)!), asking.mode));
    },
    metrics: () => {
      const { requests, prompt, completion, cost } = asked.usage;
      return {
        "labels/requests": requests,
        "labels/invalid": invalid,
        "labels/prompt_tokens": prompt,
        "labels/completion_tokens": completion,
        ...(cost !== null && { "labels/cost": cost }),
      };
    },
    asked: () => asked.usage.now,
    notes: () => [asked.note(name), ...told],
  };
}
