/** Encodes what a benchmark task asks, and finds what of it was answered before. @module */
import type { DocumentRequest } from "../benchmark/benchmark_task.ts";
import { type ChoiceIds, fitPair, fitPrompt, RequestEncoder } from "../benchmark/encode_request.ts";
import { rollingWindows } from "../benchmark/rolling_windows.ts";
import type { Answer } from "../benchmark/score_document.ts";
import type { Tokenizer } from "../data/tokenizer/tokenizer.ts";
import { StoppedError, UserError } from "../error.ts";
import { digestText } from "../files/stream_digest.ts";
import type { AnswerJournal } from "./answer_journal.ts";
import { commonPrefix } from "./choice_batches.ts";
import type { UntilRow } from "./continue_rows.ts";

/** What is asked, and how. */
export interface EncodeOptions {
  /** Name of the task, for messages. */
  task: string;
  /** Requests, which are all of one kind. */
  requests: readonly DocumentRequest[];
  /** The most ids of an input. */
  maxLength: number;
  /** Whether special tokens are added (default: as the tokenizer does by itself). */
  addBosToken?: boolean | undefined;
  /** Answers from before. */
  journal?: AnswerJournal | undefined;
  /** What else an answer depends on: the model's files, the device, the program. */
  identity: string;
  /** Gets how many documents are done. */
  onDone?: (documents: number) => void;
  signal?: AbortSignal | undefined;
}

/** A part of a task that is asked and kept by itself: a document, or a window of one. */
export interface Question<T> {
  /** Its name in the journal. */
  readonly key: string;
  /** The document's place among the requests. */
  readonly document: number;
  /** What is computed. */
  readonly asked: T;
  /** The answer, if there is one from before. */
  readonly known: Answer | undefined;
}

/** A task whose requests are ids. */
export interface EncodedTask {
  readonly task: string;
  /** How many documents it has, and how many of them lost the beginning of their context. */
  readonly documents: number;
  readonly cut: number;
  /** Choices of one document, windows of a text with one row each, or contexts that answers are generated to. */
  readonly work:
    | { readonly kind: "choices" | "windows"; readonly questions: readonly Question<readonly ChoiceIds[]>[] }
    | { readonly kind: "answers"; readonly questions: readonly Question<UntilRow>[] };
  /** What all contexts begin with, if that is worth being computed once. */
  readonly prefix: readonly number[];
}

/** Fewer shared ids are not worth a prefix of their own. */
const LEAST_SHARED = 32;

/** Documents after which a signal may stop the work. */
const DOCUMENTS_AT_A_TIME = 64;

/** Encodes the requests of a task. Throws a UserError naming a document that does not fit, and StoppedError. */
export async function encodeTask(tokenizer: Tokenizer, options: EncodeOptions): Promise<EncodedTask> {
  const { task, requests, onDone, signal } = options;
  const encoder = new RequestEncoder(tokenizer, { addBosToken: options.addBosToken });
  const encoded: EncodedDocument[] = [];
  for (const [i, request] of requests.entries()) {
    if (i % DOCUMENTS_AT_A_TIME === 0) {
      onDone?.(i);
      await new Promise((resolve) => setTimeout(resolve, 0));
      if (signal?.aborted) throw new StoppedError("The evaluation was stopped");
    }
    encoded.push(encodeDocument(encoder, request, options));
  }
  onDone?.(requests.length);
  const cut = encoded.filter(({ isCut }) => isCut).length;
  return { task, documents: requests.length, cut, ...workOf(encoded, options) };
}

interface EncodedDocument {
  kind: DocumentRequest["asked"]["kind"];
  /** Of choices and windows. */
  rows: ChoiceIds[];
  /** Of an answer. */
  prompt?: UntilRow;
  isCut: boolean;
}

function workOf(
  documents: readonly EncodedDocument[],
  { identity, journal }: EncodeOptions,
): Pick<EncodedTask, "work" | "prefix"> {
  const question = <T>(document: number, { asked, of }: { asked: T; of: unknown }): Question<T> => {
    const key = digestText(JSON.stringify(of));
    return { key, document, asked, known: journal?.get(key) };
  };
  const ids = (rows: readonly ChoiceIds[]): unknown => rows.map((row) => [row.context, row.continuation]);
  switch (documents[0]?.kind) {
    case "generate": {
      const questions = documents.map(({ prompt }, i) =>
        question(i, { asked: prompt!, of: [identity, "generate", prompt] })
      );
      return { work: { kind: "answers", questions }, prefix: [] };
    }
    case "rolling": {
      // A long text is kept window by window.
      const questions = documents.flatMap(({ rows }, i) =>
        rows.map((row) => question(i, { asked: [row], of: [identity, "window", ids([row])] }))
      );
      return { work: { kind: "windows", questions }, prefix: [] };
    }
    default: {
      const shared = sharedStart(documents.map(({ rows }) => rows));
      const prefix = shared.length >= LEAST_SHARED ? shared : [];
      const questions = documents.map(({ rows }, i) =>
        question(i, { asked: rows, of: [identity, "choices", prefix.length, ids(rows)] })
      );
      return { work: { kind: "choices", questions }, prefix };
    }
  }
}

function encodeDocument(encoder: RequestEncoder, request: DocumentRequest, options: EncodeOptions): EncodedDocument {
  const { asked } = request;
  const { maxLength } = options;
  return named(options, request, (): EncodedDocument => {
    switch (asked.kind) {
      case "generate": {
        const { maxNewTokens, until } = asked.settings;
        const { ids, cut } = fitPrompt(encoder.encodePrompt(asked.context), { maxLength, maxNewTokens });
        return { kind: asked.kind, rows: [], prompt: { ids, until, maxNewTokens }, isCut: cut > 0 };
      }
      case "rolling": {
        const rows = rollingWindows(encoder.encode(asked.text), { prefixId: encoder.prefixId, maxLength });
        return { kind: asked.kind, rows, isCut: false };
      }
      case "loglikelihood": {
        const fitted = asked.pairs.map((pair) => fitPair(encoder.encodePair(pair), maxLength));
        const rows = fitted.map(({ context, continuation }) => ({ context, continuation }));
        return { kind: asked.kind, rows, isCut: fitted.some(({ cut }) => cut > 0) };
      }
    }
  });
}

/** Runs `work`; a UserError of it says first which document it is about. */
function named<T>({ task }: EncodeOptions, { docId }: DocumentRequest, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${error.message} (document ${docId} of ${task})`);
  }
}

/** The ids that all contexts of several documents begin with, so that something of its own is left of each. */
function sharedStart(documents: readonly (readonly ChoiceIds[])[]): readonly number[] {
  if (documents.length < 2) return [];
  const contexts = documents.flatMap((rows) => rows.map(({ context }) => context));
  const shortest = contexts.reduce((least, { length }) => Math.min(least, length), Infinity);
  return commonPrefix(contexts).slice(0, shortest - 1);
}
