/** metrics.jsonl: one JSON object a line, the same bytes for the same run. @module */
import { writeAll, writeFileAtomic } from "../checkpoint/atomic.ts";
import { explainIoError } from "../checkpoint/io.ts";

/** A line's object; keys are written in the order they were set. */
export type MetricsLine = Readonly<Record<string, number | string>>;

/** An append-only file of JSON lines. */
export class LineLog {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * Opens the file for appending and drops what a stopped run left behind: a torn last line, and the lines that `keep`
   * refuses (they will be written again).
   */
  static async open(path: string, keep: (line: MetricsLine) => boolean): Promise<LineLog> {
    let text = "";
    try {
      text = await Deno.readTextFile(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw explainIoError(error, `Cannot read ${path}`);
    }
    const kept = text.split("\n").slice(0, -1).filter((line) => {
      try {
        return keep(JSON.parse(line));
      } catch {
        return false;
      }
    });
    const wanted = kept.map((line) => line + "\n").join("");
    if (wanted !== text) await writeFileAtomic(path, wanted);
    return new LineLog(path);
  }

  /** Appends one line and flushes it to disk. Throws a UserError where it cannot be written. */
  async append(line: MetricsLine): Promise<void> {
    try {
      using file = await Deno.open(this.#path, { append: true, create: true });
      await writeAll(file, new TextEncoder().encode(JSON.stringify(line) + "\n"));
      await file.sync();
    } catch (error) {
      throw explainIoError(error, `Cannot write ${this.#path}`);
    }
  }
}
