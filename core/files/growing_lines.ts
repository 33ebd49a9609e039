/** Reads the lines of a file that another process appends to, or replaces. @module */
import { fileSystem, isNotFound, type OpenFile } from "./file_system.ts";
import { explainIoError } from "./io.ts";

/** Bytes that are read at a time. */
const CHUNK = 2 ** 18;

/** The longest line that is taken. */
const MAX_LINE = 2 ** 24;

/** What is read of a file. */
export interface LineTaker {
  /** Gets a whole line without its newline, and its number from 1; null for one that is longer than any real one. */
  onLine: (line: string | null, number: number) => void;
  /** Called where the file is another one than before: what was read of it counts no more. */
  onRestart: () => void;
}

/**
 * The lines of a file, each read once. A last line without its newline is left until it is whole; a file that was
 * replaced or shortened is read anew.
 */
export class GrowingLines {
  readonly #path: string;
  /** Bytes and lines that were read. */
  #offset = 0;
  #lines = 0;
  #inode: number | null = null;

  /** The lines of the file at `path`, which may be missing. */
  constructor(path: string) {
    this.#path = path;
  }

  /** Hands on what was appended since the last call. Throws a UserError if the file cannot be read. */
  async read(taker: LineTaker): Promise<void> {
    try {
      using file = await fileSystem().open(this.#path, { read: true });
      const { size, ino } = await file.stat();
      if (size < this.#offset || ino !== this.#inode || !await this.#endsLine(file)) this.#restart(taker);
      this.#inode = ino;
      if (size > this.#offset) await this.#readOn(file, taker);
    } catch (error) {
      if (!isNotFound(error)) throw explainIoError(error, `Cannot read ${this.#path}`);
      this.#restart(taker);
      this.#inode = null;
    }
  }

  #restart({ onRestart }: LineTaker): void {
    if (this.#offset > 0) onRestart();
    this.#offset = this.#lines = 0;
  }

  /** Whether a line ends where the last call did; if not, the file was written anew in place. */
  async #endsLine(file: OpenFile): Promise<boolean> {
    if (this.#offset === 0) return true;
    const byte = new Uint8Array(1);
    await file.seek(this.#offset - 1, 0);
    return await file.read(byte) === 1 && byte[0] === 10;
  }

  async #readOn(file: OpenFile, { onLine }: LineTaker): Promise<void> {
    await file.seek(this.#offset, 0);
    const chunk = new Uint8Array(CHUNK);
    let parts: Uint8Array[] = [];
    let held = 0;
    for (let read = await file.read(chunk); read !== null; read = await file.read(chunk)) {
      let start = 0;
      for (let end = chunk.indexOf(10); end !== -1 && end < read; end = chunk.indexOf(10, start)) {
        parts.push(chunk.slice(start, end));
        const length = held + end - start;
        onLine(length > MAX_LINE ? null : decode(parts), this.#lines + 1);
        // Both count together, so that a line which is refused has the same number at the next look.
        this.#lines++;
        this.#offset += length + 1;
        [parts, held, start] = [[], 0, end + 1];
      }
      held += read - start;
      if (held <= MAX_LINE) parts.push(chunk.slice(start, read));
    }
  }
}

function decode(parts: readonly Uint8Array[]): string {
  const decoder = new TextDecoder();
  return parts.map((part) => decoder.decode(part, { stream: true })).join("") + decoder.decode();
}
