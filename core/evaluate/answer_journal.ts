/** Keeps a model's answers on disk, so that nothing is computed twice. @module */
import type { Answer } from "../benchmark/score_document.ts";
import { type AppendFile, openAppend, writeFileAtomic } from "../files/atomic.ts";
import { objectOf, readOptionalText } from "../files/io.ts";
import { digestText } from "../files/stream_digest.ts";

/** Lines that are written before the file is flushed to disk. */
const FLUSH_LINES = 64;

/**
 * An append-only file of JSON lines, each with an answer, the key of its question and a checksum of both. An answer is
 * one to a benchmark, or whatever JSON holds.
 */
export class AnswerJournal<Kept = Answer> implements AsyncDisposable {
  readonly #answers: Map<string, Kept>;
  readonly #file: AppendFile;
  #writing: Promise<void> = Promise.resolve();
  #unflushed = 0;
  #failure: unknown = null;

  private constructor(answers: Map<string, Kept>, file: AppendFile) {
    this.#answers = answers;
    this.#file = file;
  }

  /** Opens a file; lines that are torn or were changed are removed from it. Throws a UserError if it cannot be used. */
  static async open<Kept = Answer>(path: string): Promise<AnswerJournal<Kept>> {
    const text = await readOptionalText(path) ?? "";
    const answers = new Map<string, Kept>();
    let kept = "";
    for (const line of text.split("\n")) {
      const entry = objectOf(line);
      if (entry === null || typeof entry.key !== "string") continue;
      const { key, answer, sha256 } = entry;
      if (sha256 !== digestOf(key, answer)) continue;
      answers.set(key, answer as Kept);
      kept += line + "\n";
    }
    if (kept !== text) await writeFileAtomic(path, kept);
    return new AnswerJournal(answers, await openAppend(path));
  }

  /** The answer to a question that was asked before, also just now; undefined if there is none. */
  get(key: string): Kept | undefined {
    return this.#answers.get(key);
  }

  /** Keeps an answer. What fails is thrown by the next call, or by {@linkcode close}. */
  put(key: string, answer: Kept): void {
    if (this.#failure !== null) throw this.#failure;
    this.#answers.set(key, answer);
    const line = JSON.stringify({ key, answer, sha256: digestOf(key, answer) }) + "\n";
    this.#writing = this.#writing.then(async () => {
      await this.#file.append(line);
      if (++this.#unflushed < FLUSH_LINES) return;
      this.#unflushed = 0;
      await this.#file.sync();
    }).catch((error) => {
      this.#failure ??= error;
    });
  }

  /** Waits until all is on disk. Throws a UserError if it could not be written. */
  async close(): Promise<void> {
    await this.#writing;
    if (this.#failure !== null) throw this.#failure;
    await this.#file.sync();
  }

  /** Closes the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing;
    this.#file[Symbol.dispose]();
  }
}

function digestOf(key: string, answer: unknown): string {
  return digestText(JSON.stringify([key, answer]));
}
