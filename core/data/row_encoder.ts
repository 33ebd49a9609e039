/** Encodes the rows of a run: each once, on all cores where there are many. @module */
import { type EncodedRow, type EncodeOptions, encodeRow } from "./encode_row.ts";
import { encodeOnThreads } from "./encode_threads.ts";
import {
  contentOf,
  jsonSize,
  packedBytes,
  type PackedRow,
  packRow,
  type RowContent,
  sameJson,
  unpackRow,
} from "./packed_row.ts";
import type { DataRow } from "./parse_row.ts";
import { tokenizerOrigin } from "./tokenizer/tokenizer.ts";

/** The most memory in bytes for rows that are kept: some 250,000 rows like Alpaca's. */
const MAX_KEPT = 1 << 29;

/**
 * Fewer characters than these are encoded in some two seconds. A second thread needs one of them for its tokenizer and
 * until its code is warm (docs/development/decisions/0047-rows-encoded-once.md).
 */
const MIN_CHARACTERS = 1 << 23;

/** More threads than these would hold more tokenizers in memory than the time is worth. */
const MAX_THREADS = 8;

/** How a {@linkcode RowEncoder} works. */
export interface RowEncoderOptions {
  /** Abort it to stop encoding on several threads. */
  signal?: AbortSignal;
  /** The most threads (default: the number of cores, at most 8). */
  threads?: number;
  /** The characters from which on rows are encoded on several threads (default 2²³). */
  minCharacters?: number;
  /** The most memory in bytes for rows that are kept (default 2²⁹). */
  maxKept?: number;
}

interface KeptRow {
  content: RowContent;
  encoded: PackedRow;
  bytes: number;
}

/** Encodes rows, and keeps their ids for the next iteration. Ids of another tokenizer replace those that are kept. */
export class RowEncoder {
  readonly #options: Required<RowEncoderOptions>;
  /** By options and the row's place. */
  readonly #kept = new Map<string, KeptRow>();
  #bytes = 0;
  #identity: string | null = null;
  #encoded = 0;

  constructor(options: RowEncoderOptions = {}) {
    this.#options = {
      signal: new AbortController().signal,
      threads: Math.min(globalThis.navigator?.hardwareConcurrency ?? 1, MAX_THREADS),
      minCharacters: MIN_CHARACTERS,
      maxKept: MAX_KEPT,
      ...options,
    };
  }

  /** The number of rows that were encoded, and not taken from those that are kept. */
  get encoded(): number {
    return this.#encoded;
  }

  /** The memory in bytes that the rows take that are kept. */
  get keptBytes(): number {
    return this.#bytes;
  }

  /**
   * Encodes many rows ahead on several threads, if that pays. What it does not encode, `encode` does; so it throws
   * nothing but a UserError if a thread does not answer.
   */
  async prepare(rows: readonly DataRow[], options: EncodeOptions, answers: 1 | 2): Promise<void> {
    const { threads, minCharacters, signal, maxKept } = this.#options;
    const origin = options.tokenizer && tokenizerOrigin(options.tokenizer);
    if (!origin || threads < 2 || typeof Worker === "undefined") return;
    this.#keepFor(origin.identity);
    const left: { key: string; content: RowContent; characters: number }[] = [];
    let [characters, room] = [0, maxKept - this.#bytes];
    for (const row of rows) {
      const key = keyOf(row, options, answers);
      const content = contentOf(row);
      const size = hasText(row) ? jsonSize(content) : null;
      if (size === null || this.#find(key, content)) continue;
      // Ids and texts of a row whose room is gone would be thrown away.
      room -= BYTES_A_CHARACTER * size;
      if (room < 0) break;
      characters += size;
      left.push({ key, content, characters: size });
    }
    if (characters < minCharacters) return;
    await encodeOnThreads({
      rows: left,
      options: encodeOptions(options),
      answers,
      origin,
      threads: Math.min(threads, Math.floor(characters / (minCharacters / 2))),
      signal,
      onEncoded: (start, encoded) => {
        this.#encoded += encoded.length;
        encoded.forEach((row, i) => this.#keep(left[start + i]!.key, left[start + i]!.content, row));
      },
    });
  }

  /** The ids of a row, as `encodeRow` gives them. Throws what it throws. */
  encode(row: DataRow, options: EncodeOptions, answers: 1 | 2): EncodedRow {
    const origin = options.tokenizer && tokenizerOrigin(options.tokenizer);
    if (!origin || !hasText(row)) return encodeRow(row, options, answers);
    this.#keepFor(origin.identity);
    const content = contentOf(row);
    const key = keyOf(row, options, answers);
    const found = this.#find(key, content);
    if (found) return unpackRow(found);
    const encoded = encodeRow(row, options, answers);
    this.#encoded++;
    if (jsonSize(content) !== null) this.#keep(key, content, packRow(encoded));
    return encoded;
  }

  #keepFor(identity: string): void {
    if (identity === this.#identity) return;
    this.#identity = identity;
    this.#kept.clear();
    this.#bytes = 0;
  }

  #find(key: string, content: RowContent): PackedRow | null {
    const kept = this.#kept.get(key);
    return kept && sameJson(kept.content, content) ? kept.encoded : null;
  }

  #keep(key: string, content: RowContent, encoded: PackedRow): void {
    this.#bytes -= this.#kept.get(key)?.bytes ?? 0;
    this.#kept.delete(key);
    const bytes = OVERHEAD + 2 * jsonSize(content)! + packedBytes(encoded);
    if (this.#bytes + bytes > this.#options.maxKept) return;
    this.#bytes += bytes;
    this.#kept.set(key, { content, encoded, bytes });
  }
}

/** What a kept row takes besides its texts and ids: the objects, and their place in the map. */
const OVERHEAD = 1024;

/** A row's text twice, in two bytes a character, and no more ids than characters. */
const BYTES_A_CHARACTER = 8;

/** Rows of ids have theirs already. */
function hasText({ kind }: DataRow): boolean {
  return kind !== "ids" && kind !== "ids_pair";
}

function keyOf({ where }: DataRow, { allTurns = false, joint = false }: EncodeOptions, answers: 1 | 2): string {
  return `${Number(allTurns)}${Number(joint)}${answers} ${where}`;
}

/** The options that another thread needs, of what may hold more. */
function encodeOptions({ tokenizer, allTurns = false, joint = false }: EncodeOptions): EncodeOptions {
  return { tokenizer, allTurns, joint };
}
