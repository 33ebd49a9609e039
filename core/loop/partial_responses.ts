/** The rows that a stage has generated so far, each with a checksum. @module */
import { parseResponse, type ResponseRow } from "../data/stage_files.ts";
import type { TokenizedExample } from "../data/tokenize_rows.ts";
import { type AppendFile, openAppend, writeFileAtomic } from "../files/atomic.ts";
import { exists, readOptionalText, readText } from "../files/io.ts";
import { digestText } from "../files/stream_digest.ts";
import type { RunContext } from "../run/run_context.ts";
import type { StagePaths } from "../run/run_paths.ts";

/** responses.partial.jsonl, to which rows are appended, and beside it the SHA-256 of each row, a line each. */
export class PartialResponses {
  /** Rows that were there already. */
  readonly done: number;
  readonly #rows: AppendFile;
  readonly #sums: AppendFile;

  private constructor(done: number, { rows, sums }: { rows: AppendFile; sums: AppendFile }) {
    this.done = done;
    this.#rows = rows;
    this.#sums = sums;
  }

  /**
   * Opens the file and drops a torn last line of a stopped run, and rows of other data. Rows that were changed since
   * they were written are kept, noted and recorded. Throws a UserError.
   */
  static async open(
    context: Pick<RunContext, "checksums">,
    { paths, examples }: { paths: StagePaths; examples: readonly TokenizedExample[] },
  ): Promise<PartialResponses> {
    const { partialResponses: path, partialSums } = paths;
    const lines = await exists(path) ? wholeRows(await readText(path), examples) : [];
    if (lines.length > 0) await checkLines(context, lines, paths);
    else await context.checksums.forgetEdit(path);
    const text = (rows: readonly string[]): string => rows.map((row) => row + "\n").join("");
    await writeFileAtomic(path, text(lines));
    await writeFileAtomic(partialSums, text(lines.map(digestText)));
    return new PartialResponses(lines.length, { rows: await openAppend(path), sums: await openAppend(partialSums) });
  }

  /** Appends rows, each with its newline. Throws a UserError if they cannot be written. */
  async append(rows: readonly string[]): Promise<void> {
    // A checksum is there before its row, so that a row without one was not written by this program.
    await this.#sums.append(rows.map((row) => digestText(row.slice(0, -1)) + "\n").join(""));
    await this.#rows.append(rows.join(""));
  }

  /** Flushes the rows to disk. Throws a UserError if it cannot. */
  sync(): Promise<void> {
    return this.#rows.sync();
  }

  /** Closes the files. */
  [Symbol.dispose](): void {
    this.#rows[Symbol.dispose]();
    this.#sums[Symbol.dispose]();
  }
}

/** The lines of a file that are rows of the examples, up to the first that is not. */
function wholeRows(text: string, examples: readonly TokenizedExample[]): string[] {
  const lines = text.split("\n").slice(0, -1);
  const ids = ({ row, promptIds, responseIds }: Pick<ResponseRow, "row" | "promptIds" | "responseIds">): string =>
    JSON.stringify([row, promptIds, responseIds]);
  const end = lines.findIndex((line, i) => {
    try {
      return i >= examples.length || ids(parseResponse(JSON.parse(line))) !== ids(examples[i]!);
    } catch {
      return true;
    }
  });
  return end === -1 ? lines : lines.slice(0, end);
}

async function checkLines(
  { checksums }: Pick<RunContext, "checksums">,
  lines: readonly string[],
  { partialResponses: path, partialSums }: StagePaths,
): Promise<void> {
  const sums = (await readOptionalText(partialSums))?.split("\n");
  if (sums === undefined) return checksums.noteUnchecked(path);
  const at = lines.findIndex((line, i) => digestText(line) !== sums[i]);
  if (at === -1) return;
  await checksums.noteEdited(path, { is: digestText(lines[at]!), was: sums[at] || null, line: at + 1 });
}
