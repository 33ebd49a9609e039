/** Encodes many rows on all cores. @module */
import { UserError } from "../error.ts";
import { type EncodeOptions, encodeRow } from "./encode_row.ts";
import { type PackedRow, packRow, type RowContent } from "./packed_row.ts";
import type { DataRow } from "./parse_row.ts";
import type { TokenizerOrigin } from "./tokenizer/tokenizer.ts";

/** What a thread begins with: where its tokenizer is, and the one that it must be. */
export type EncodeStart = TokenizerOrigin;

/** Rows for a thread. */
export interface EncodeQuestion {
  contents: readonly RowContent[];
  options: Omit<EncodeOptions, "tokenizer">;
  answers: 1 | 2;
}

/** The encoded rows, or null if the thread cannot encode them all. */
export type EncodeAnswer = PackedRow[] | null;

/** Rows to encode. */
export interface EncodeWork {
  rows: readonly { content: RowContent; characters: number }[];
  options: EncodeOptions;
  answers: 1 | 2;
  origin: TokenizerOrigin;
  /** The number of threads, with this one. */
  threads: number;
  signal: AbortSignal;
  /** Seconds that a thread has for an answer besides those that the work takes (default 120). */
  patience?: number;
  /** The module of the threads (default: the one that encodes). */
  module?: URL;
  /** Takes the rows that are done, of which the first is `rows[start]`; parts come in any order. */
  onEncoded(start: number, encoded: readonly PackedRow[]): void;
}

/** The characters that a thread takes at a time: some 50 ms, after which a stop is noticed. */
const SLICE = 1 << 18;

/** Seconds for starting a thread and loading its tokenizer, on a machine that is busy. */
const PATIENCE = 120;

/** How much longer than this thread another one may take for as many characters. */
const SLOWER = 100;

/** Milliseconds for a character until this thread has encoded some: far above any tokenizer's. */
const UNKNOWN_RATE = 0.01;

/**
 * Encodes rows on this thread and others. It ends early if the signal is aborted, or at a row that cannot be encoded:
 * rows may be left over, which the caller encodes, in order, with the errors that belong to them. Returns how many rows
 * other threads encoded. Throws a UserError if a thread does not answer.
 */
export async function encodeOnThreads(work: EncodeWork): Promise<number> {
  const { rows, options: { tokenizer, ...options }, answers, signal } = work;
  const slices = slicesOf(rows);
  let [next, isStopped, byOthers] = [0, false, 0];
  const own = { ms: 0, characters: 0 };
  const { patience = PATIENCE, module = new URL("./encode_worker.ts", import.meta.url) } = work;
  const secondsFor = (characters: number): number => {
    const rate = own.characters > 0 ? own.ms / own.characters : UNKNOWN_RATE;
    return patience + SLOWER * rate * characters / 1000;
  };
  const take = (): { start: number; contents: RowContent[]; characters: number } | null => {
    if (isStopped || signal.aborted || next === slices.length) return null;
    const [start, end] = slices[next++]!;
    const taken = rows.slice(start, end);
    const characters = taken.reduce((sum, row) => sum + row.characters, 0);
    return { start, contents: taken.map(({ content }) => content), characters };
  };
  const stopped = Promise.withResolvers<unknown>();
  signal.addEventListener("abort", stopped.resolve);
  const threads = Array.from({ length: work.threads - 1 }, () => new EncodeThread(work.origin, module));
  try {
    const others = Promise.all(threads.map(async (thread) => {
      for (let slice = take(); slice !== null; slice = take()) {
        const { characters, contents } = slice;
        const encoded = await thread.ask({ contents, options, answers }, () => secondsFor(characters));
        if (encoded === null) return;
        byOthers += encoded.length;
        work.onEncoded(slice.start, encoded);
      }
    }));
    // It is awaited below, after this thread's share.
    others.catch(() => {});
    for (let slice = take(); slice !== null; slice = take()) {
      const started = performance.now();
      try {
        const encoded = slice.contents.map((content) =>
          packRow(encodeRow(content as DataRow, { ...options, tokenizer }, answers))
        );
        own.ms += performance.now() - started;
        own.characters += slice.characters;
        work.onEncoded(slice.start, encoded);
      } catch {
        isStopped = true;
      }
      // The others' answers, and a stop, are noticed between two slices.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    if (!isStopped && !signal.aborted) await Promise.race([others, stopped.promise]);
  } finally {
    signal.removeEventListener("abort", stopped.resolve);
    for (const thread of threads) thread.end();
  }
  return byOthers;
}

/** Cuts rows into slices of about as many characters, as [start, end). */
function slicesOf(rows: EncodeWork["rows"]): [number, number][] {
  const slices: [number, number][] = [];
  let [start, characters] = [0, 0];
  for (const [i, row] of rows.entries()) {
    characters += row.characters;
    if (characters < SLICE && i < rows.length - 1) continue;
    slices.push([start, i + 1]);
    [start, characters] = [i + 1, 0];
  }
  return slices;
}

/** Seconds between two looks at whether a thread has answered. */
const TICK = 0.5;

class EncodeThread {
  readonly #worker: Worker;
  #answer: (answer: EncodeAnswer) => void = () => {};

  constructor(origin: EncodeStart, module: URL) {
    this.#worker = new Worker(module, { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<EncodeAnswer>) => this.#answer(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.end();
    };
    this.#worker.postMessage(origin);
  }

  /**
   * The encoded rows; null if they cannot be had from this thread. Throws a UserError if they do not come in as many
   * seconds as `allowed` gives by then.
   */
  ask(question: EncodeQuestion, allowed: () => number): Promise<EncodeAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<EncodeAnswer>();
    this.#answer = resolve;
    this.#worker.postMessage(question);
    // Ticks are counted instead of reading a clock, so that time in which the process was stopped does not count.
    let waited = 0;
    const timer = setInterval(() => {
      waited += TICK;
      if (waited < allowed()) return;
      reject(
        new UserError(
          `Cannot encode ${question.contents.length} rows on another thread: it has not answered in ${
            Math.round(waited)
          } s, expected an answer within ${Math.round(allowed())} s`,
        ),
      );
    }, 1000 * TICK);
    return promise.finally(() => clearInterval(timer));
  }

  end(): void {
    this.#worker.terminate();
    this.#answer(null);
  }
}
