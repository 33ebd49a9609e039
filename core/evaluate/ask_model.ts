/** Asks a model what a benchmark task asks of each document. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { DocumentRequest } from "../benchmark/benchmark_task.ts";
import { type ChoiceIds, fitPair, fitPrompt, RequestEncoder } from "../benchmark/encode_request.ts";
import type { GenerationSettings } from "../benchmark/generation_settings.ts";
import { rollingWindows } from "../benchmark/rolling_windows.ts";
import type { Answer } from "../benchmark/score_document.ts";
import type { Tokenizer } from "../data/tokenizer/tokenizer.ts";
import { UserError } from "../error.ts";
import { digestText } from "../files/stream_digest.ts";
import type { AnyModel } from "../model/model.ts";
import { quote } from "../values.ts";
import type { AnswerJournal } from "./answer_journal.ts";
import { commonPrefix } from "./choice_batches.ts";
import { choiceLogps, type ChoiceScore } from "./choice_logps.ts";
import { generateUntil } from "./generate_until.ts";

/** What is asked, and how. */
export interface AskOptions {
  /** Name of the task, for messages. */
  task: string;
  requests: readonly DocumentRequest[];
  /** The most ids of an input. */
  maxLength: number;
  /** Whether special tokens are added (default: as the tokenizer does by itself). */
  addBosToken?: boolean | undefined;
  /** The most tokens of a batch. */
  batchTokens?: number | undefined;
  /** Answers from before; new ones go into it. */
  journal?: AnswerJournal | undefined;
  /** What else an answer depends on: the model's files, the device, the program. */
  identity: string;
  /** Called as documents are done, and as tokens are run. */
  onProgress?: (progress: { done: number; total: number; tokens: number }) => void;
  signal?: AbortSignal | undefined;
}

/** The answers in the order of the requests, and how many documents lost the beginning of their context. */
export interface Asked {
  answers: Answer[];
  cut: number;
}

/** Fewer shared ids are not worth a prefix of their own. */
const LEAST_SHARED = 32;

/** What generation keys change nothing where the most probable token is taken each time. */
const NEUTRAL_GREEDY = new Set(["top_p", "top_k", "min_p", "typical_p", "use_cache", "pad_token_id"]);

/** Asks a model, and waits for all answers. Throws a UserError naming a document that does not fit, DeviceError, StoppedError. */
export class ModelAsker {
  readonly #commands: Commands;
  readonly #model: AnyModel;
  readonly #tokenizer: Tokenizer;

  constructor(commands: Commands, model: AnyModel, tokenizer: Tokenizer) {
    this.#commands = commands;
    this.#model = model;
    this.#tokenizer = tokenizer;
  }

  /** The requests of one task, which are all of one kind. */
  async ask(options: AskOptions): Promise<Asked> {
    const kind = options.requests[0]?.asked.kind;
    switch (kind) {
      case undefined:
        return { answers: [], cut: 0 };
      case "generate":
        return await this.#generate(options);
      default:
        return await this.#score(options);
    }
  }

  /** Log-likelihoods of choices, and of whole texts in windows. */
  async #score(options: AskOptions): Promise<Asked> {
    const { requests, journal, identity, batchTokens, signal, onProgress } = options;
    const encoder = new RequestEncoder(this.#tokenizer, { addBosToken: options.addBosToken });
    const documents = requests.map((request) => encodeScored(encoder, request, options));
    const shared = documents.every(({ isWhole }) => !isWhole) ? sharedStart(documents.map(({ rows }) => rows)) : [];
    const prefix = shared.length >= LEAST_SHARED ? shared : [];
    const answers: Answer[] = [];
    const left: number[] = [];
    const keys = documents.map(({ isWhole, rows }) => {
      const ids = rows.map(({ context, continuation }) => [context, continuation]);
      return digestText(JSON.stringify([identity, isWhole ? "rolling" : "choices", prefix.length, ids]));
    });
    for (const [i, key] of keys.entries()) {
      // A text without tokens has no window: nothing is asked.
      const known = documents[i]!.rows.length === 0 ? answerOf(documents[i]!, []) : journal?.get(key);
      if (known === undefined) left.push(i);
      else answers[i] = known;
    }
    const before = requests.length - left.length;
    await choiceLogps(this.#commands, this.#model, {
      documents: left.map((i) => documents[i]!.rows),
      ...(batchTokens !== undefined && { batchTokens }),
      ...(prefix.length > 0 && { sharedPrefixes: [prefix] }),
      ...(signal && { signal }),
      onDocument: (place, scores) => {
        const i = left[place]!;
        const answer = answerOf(documents[i]!, scores);
        answers[i] = answer;
        // JSON has no infinity; such an answer is computed again.
        if (scores.every(({ logp }) => Number.isFinite(logp))) journal?.put(keys[i]!, answer);
      },
      onProgress: ({ done, tokens }) => onProgress?.({ done: before + done, total: requests.length, tokens }),
    });
    return { answers, cut: documents.filter(({ isCut }) => isCut).length };
  }

  async #generate(options: AskOptions): Promise<Asked> {
    const { task, requests, journal, identity, signal, onProgress, maxLength } = options;
    const encoder = new RequestEncoder(this.#tokenizer, { addBosToken: options.addBosToken });
    let cut = 0;
    const rows = requests.map((request) => {
      const { context, settings } = request.asked as Extract<DocumentRequest["asked"], { kind: "generate" }>;
      checkGreedy(task, settings);
      const { maxNewTokens, until } = settings;
      const fitted = named(
        options,
        request,
        () => fitPrompt(encoder.encodePrompt(context), { maxLength, maxNewTokens }),
      );
      if (fitted.cut > 0) cut++;
      return { ids: fitted.ids, until, maxNewTokens };
    });
    const answers: Answer[] = [];
    const left: number[] = [];
    const keys = rows.map((row) => digestText(JSON.stringify([identity, "generate", row])));
    for (const [i, key] of keys.entries()) {
      const known = journal?.get(key);
      if (known === undefined) left.push(i);
      else answers[i] = known;
    }
    const before = requests.length - left.length;
    await generateUntil(this.#commands, this.#model, this.#tokenizer, {
      rows: left.map((i) => rows[i]!),
      ...(signal && { signal }),
      onAnswer: (place, { text }) => {
        const i = left[place]!;
        answers[i] = text;
        journal?.put(keys[i]!, text);
      },
      onProgress: ({ done, tokens }) => onProgress?.({ done: before + done, total: requests.length, tokens }),
    });
    return { answers, cut };
  }
}

interface ScoredDocument {
  rows: ChoiceIds[];
  /** Whether the rows are windows of one text. */
  isWhole: boolean;
  isCut: boolean;
}

/** The answer to a document, of the scores of its rows. */
function answerOf({ isWhole, rows }: ScoredDocument, scores: readonly ChoiceScore[]): Answer {
  if (!isWhole) return scores.map(({ logp, isGreedy }) => ({ logp, isGreedy }));
  return {
    logp: scores.reduce((sum, { logp }) => sum + logp, 0),
    tokens: rows.reduce((sum, { continuation }) => sum + continuation.length, 0),
  };
}

function encodeScored(encoder: RequestEncoder, request: DocumentRequest, options: AskOptions): ScoredDocument {
  const { asked } = request;
  const { maxLength } = options;
  return named(options, request, () => {
    if (asked.kind === "rolling") {
      const rows = rollingWindows(encoder.encode(asked.text), { prefixId: encoder.prefixId, maxLength });
      return { rows, isWhole: true, isCut: false };
    }
    const { pairs } = asked as Extract<DocumentRequest["asked"], { kind: "loglikelihood" }>;
    const fitted = pairs.map((pair) => fitPair(encoder.encodePair(pair), maxLength));
    const rows = fitted.map(({ context, continuation }) => ({ context, continuation }));
    return { rows, isWhole: false, isCut: fitted.some(({ cut }) => cut > 0) };
  });
}

/** Runs `work`; a UserError of it says first which document it is about. */
function named<T>({ task }: AskOptions, { docId }: DocumentRequest, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${error.message} (document ${docId} of ${task})`);
  }
}

function checkGreedy(task: string, { doSample, others }: GenerationSettings): void {
  if (doSample) {
    throw new UserError(
      `Cannot evaluate ${task}: its generation_kwargs sample, expected do_sample false or temperature 0 ` +
        "(--gen-kwargs do_sample=false)",
    );
  }
  const other = Object.keys(others).find((key) => !NEUTRAL_GREEDY.has(key));
  if (other === undefined) return;
  throw new UserError(
    `Cannot evaluate ${task}: "${other}" of its generation_kwargs is ${
      quote(others[other])
    }, which is not followed here`,
  );
}

/** The ids that all contexts of several documents begin with, so that something of its own is left of each. */
function sharedStart(documents: readonly (readonly ChoiceIds[])[]): readonly number[] {
  if (documents.length < 2) return [];
  const contexts = documents.flatMap((rows) => rows.map(({ context }) => context));
  const shortest = contexts.reduce((least, { length }) => Math.min(least, length), Infinity);
  return commonPrefix(contexts).slice(0, shortest - 1);
}
