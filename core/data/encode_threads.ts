/** Encodes many rows on all cores. @module */
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
  /** Takes the rows that are done, of which the first is `rows[start]`; parts come in any order. */
  onEncoded(start: number, encoded: readonly PackedRow[]): void;
}

/** The characters that a thread takes at a time: some 50 ms, after which a stop is noticed. */
const SLICE = 1 << 18;

/**
 * Encodes rows on this thread and others. It ends early if the signal is aborted, or at a row that cannot be encoded:
 * rows may be left over, which the caller encodes, in order, with the errors that belong to them. Returns how many rows
 * other threads encoded.
 */
export async function encodeOnThreads(work: EncodeWork): Promise<number> {
  const { rows, options: { tokenizer, ...options }, answers, signal } = work;
  const slices = slicesOf(rows);
  let [next, isStopped, byOthers] = [0, false, 0];
  const take = (): { start: number; contents: RowContent[] } | null => {
    if (isStopped || signal.aborted || next === slices.length) return null;
    const [start, end] = slices[next++]!;
    return { start, contents: rows.slice(start, end).map(({ content }) => content) };
  };
  const threads = Array.from({ length: work.threads - 1 }, () => new EncodeThread(work.origin));
  try {
    const others = threads.map(async (thread) => {
      for (let slice = take(); slice !== null; slice = take()) {
        const encoded = await thread.ask({ contents: slice.contents, options, answers });
        if (encoded === null) return;
        byOthers += encoded.length;
        work.onEncoded(slice.start, encoded);
      }
    });
    for (let slice = take(); slice !== null; slice = take()) {
      try {
        const encoded = slice.contents.map((content) =>
          packRow(encodeRow(content as DataRow, { ...options, tokenizer }, answers))
        );
        work.onEncoded(slice.start, encoded);
      } catch {
        isStopped = true;
      }
      // The others' answers, and a stop, are noticed between two slices.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    if (!isStopped && !signal.aborted) await Promise.all(others);
  } finally {
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

class EncodeThread {
  readonly #worker: Worker;
  #answer: (answer: EncodeAnswer) => void = () => {};

  constructor(origin: EncodeStart) {
    this.#worker = new Worker(new URL("./encode_worker.ts", import.meta.url), { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<EncodeAnswer>) => this.#answer(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.end();
    };
    this.#worker.postMessage(origin);
  }

  /** The encoded rows; null if they cannot be had from this thread. */
  ask(question: EncodeQuestion): Promise<EncodeAnswer> {
    return new Promise((resolve) => {
      this.#answer = resolve;
      this.#worker.postMessage(question);
    });
  }

  end(): void {
    this.#worker.terminate();
    this.#answer(null);
  }
}
