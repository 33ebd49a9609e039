/** Reads and writes files such as metrics.jsonl: one JSON object a line, the same bytes for the same run. @module */
import { UserError } from "../error.ts";
import { openAppend, writeFileAtomic } from "./atomic.ts";
import { objectOf, readOptionalText } from "./io.ts";

/** A line's object; keys are written in the order in which they were set. */
export type MetricsLine = Readonly<Record<string, number | string>>;

/**
 * Reads a file of lines; a missing file has none. A torn last line, which a stopped run left behind, is left out.
 * Throws a UserError naming any other line that is no JSON object.
 */
export async function readLines(
  path: string,
): Promise<{ text: string; lines: { source: string; line: MetricsLine }[] }> {
  const text = await readOptionalText(path) ?? "";
  const sources = text.split("\n").slice(0, -1);
  const lines = sources.flatMap((source, i) => {
    const line = objectOf(source);
    if (line !== null) return { source, line: line as MetricsLine };
    if (i === sources.length - 1) return [];
    throw new UserError(
      `Cannot read ${path}:${i + 1}: it is no JSON object, expected a line that this program wrote; mend or delete it`,
    );
  });
  return { text, lines };
}

/** An append-only file of JSON lines. */
export class LineLog {
  readonly #path: string;
  readonly #onAppend: (line: MetricsLine) => Promise<void>;

  private constructor(path: string, onAppend: (line: MetricsLine) => Promise<void>) {
    this.#path = path;
    this.#onAppend = onAppend;
  }

  /**
   * Opens the file for appending and drops what a stopped run left behind: a torn last line, and the lines that `keep`
   * refuses, which will be written again. `onAppend` is called with each appended line once it is on disk.
   */
  static async open(
    path: string,
    keep: (line: MetricsLine) => boolean,
    onAppend: (line: MetricsLine) => Promise<void> = () => Promise.resolve(),
  ): Promise<LineLog> {
    const { text, lines } = await readLines(path);
    const wanted = lines.filter(({ line }) => keep(line)).map(({ source }) => source + "\n").join("");
    if (wanted !== text) await writeFileAtomic(path, wanted);
    return new LineLog(path, onAppend);
  }

  /** Appends one line and flushes it to disk. Throws a UserError if it cannot be written. */
  async append(line: MetricsLine): Promise<void> {
    {
      using file = await openAppend(this.#path);
      await file.append(JSON.stringify(line) + "\n");
      await file.sync();
    }
    await this.#onAppend(line);
  }
}
