/** Asks a model what a benchmark task asks of each document. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { ChoiceIds } from "../benchmark/encode_request.ts";
import type { Answer } from "../benchmark/score_document.ts";
import type { Tokenizer } from "../data/tokenizer/tokenizer.ts";
import type { AnyModel } from "../model/model.ts";
import type { AnswerJournal } from "./answer_journal.ts";
import { choiceLogps, type ChoiceScore } from "./choice_logps.ts";
import type { UntilRow } from "./continue_rows.ts";
import type { EncodedTask, Question } from "./encode_task.ts";
import { generateUntil } from "./generate_until.ts";

/** How a task is asked. */
export interface AskOptions {
  /** The most tokens of a batch. */
  batchTokens?: number | undefined;
  /** New answers go into it. */
  journal?: AnswerJournal | undefined;
  /** Called as documents or windows are done, and as tokens are run; of choices and windows all tokens are known. */
  onProgress?: (progress: { done: number; total: number; tokens: number; totalTokens?: number }) => void;
  signal?: AbortSignal | undefined;
}

/** Asks a model, and waits for all answers. Throws DeviceError, and StoppedError if `signal` stopped it. */
export class ModelAsker {
  readonly #commands: Commands;
  readonly #model: AnyModel;
  readonly #tokenizer: Tokenizer;

  constructor(commands: Commands, model: AnyModel, tokenizer: Tokenizer) {
    this.#commands = commands;
    this.#model = model;
    this.#tokenizer = tokenizer;
  }

  /** The answers to one task, in the order of its documents. */
  async ask(task: EncodedTask, options: AskOptions): Promise<Answer[]> {
    const { work } = task;
    if (work.kind === "answers") return (await this.#generate(work.questions, options)).map((answer) => answer!);
    const scores = await this.#score({ questions: work.questions, prefix: task.prefix }, options);
    if (work.kind === "choices") return scores.map((each) => each.map(({ logp, isGreedy }) => ({ logp, isGreedy })));
    const texts = Array.from({ length: task.documents }, () => ({ logp: 0, tokens: 0 }));
    // A text without tokens has no window.
    work.questions.forEach(({ document, asked }, i) => {
      texts[document]!.logp += scores[i]!.reduce((sum, { logp }) => sum + logp, 0);
      texts[document]!.tokens += asked.reduce((sum, { continuation }) => sum + continuation.length, 0);
    });
    return texts;
  }

  /** Log-likelihoods of each question's rows. */
  async #score(
    { questions, prefix }: { questions: readonly Question<readonly ChoiceIds[]>[]; prefix: readonly number[] },
    { journal, batchTokens, signal, onProgress }: AskOptions,
  ): Promise<(readonly ChoiceScore[])[]> {
    const scores = questions.map(({ known }) => known as readonly ChoiceScore[] | undefined);
    const left = unanswered(questions);
    const before = questions.length - left.length;
    await choiceLogps(this.#commands, this.#model, {
      documents: left.map((i) => questions[i]!.asked),
      ...(batchTokens !== undefined && { batchTokens }),
      ...(prefix.length > 0 && { sharedPrefix: prefix }),
      ...(signal && { signal }),
      onDocument: (place, found) => {
        const i = left[place]!;
        scores[i] = found;
        // JSON has no infinity; such an answer is computed again.
        if (found.every(({ logp }) => Number.isFinite(logp))) journal?.put(questions[i]!.key, found);
      },
      onProgress: ({ done, tokens, totalTokens }) =>
        onProgress?.({ done: before + done, total: questions.length, tokens, totalTokens }),
    });
    return scores.map((found) => found ?? []);
  }

  async #generate(
    questions: readonly Question<UntilRow>[],
    { journal, signal, onProgress }: AskOptions,
  ): Promise<(Answer | undefined)[]> {
    const answers = questions.map(({ known }) => known);
    const left = unanswered(questions);
    const before = questions.length - left.length;
    await generateUntil(this.#commands, this.#model, this.#tokenizer, {
      rows: left.map((i) => questions[i]!.asked),
      ...(signal && { signal }),
      onAnswer: (place, { text }) => {
        const i = left[place]!;
        answers[i] = text;
        journal?.put(questions[i]!.key, text);
      },
      onProgress: ({ done, tokens }) => onProgress?.({ done: before + done, total: questions.length, tokens }),
    });
    return answers;
  }
}

/** The places of the questions that have no answer from before. */
export function unanswered(questions: readonly Question<unknown>[]): number[] {
  return questions.flatMap(({ known }, i) => known === undefined ? [i] : []);
}
