/** The pairs of a run, or of a file, as a data set for other trainers. @module */
import { join } from "node:path";
import { encodePreferences, readPreferences } from "../data/preferences.ts";
import { UserError } from "../error.ts";
import { writeFileAtomic } from "../files/atomic.ts";
import { explainIoError } from "../files/io.ts";
import { findRunPairs } from "./run_pairs.ts";

/** What is exported. */
export interface ExportOptions {
  /** A run's folder, or a file of pairs. */
  from: string;
  /** The file that is written: `.jsonl` or `.parquet`. */
  output: string;
  /** Which iteration of a run (default: the last that has pairs). */
  iteration?: number;
}

/** What was exported. */
export interface ExportReport {
  /** The file of pairs that was read. */
  pairs: string;
  /** Rows that were written. */
  rows: number;
  /** Whether the rows are conversations, as opposed to texts. */
  conversational: boolean;
}

/**
 * Writes pairs as a preference data set in TRL's form: `prompt`, `chosen` and `rejected` as lists of messages, or as
 * texts if the data is text, with `score_chosen`, `score_rejected` and `chosen_from` if they are known. Throws a
 * UserError.
 *
 * @example
 * ```ts
 * import { exportPairs } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * const dir = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${dir}/pairs.jsonl`, '{"prompt": "1+1=", "chosen": "2", "rejected": "3"}\n');
 * const { rows } = await exportPairs({ from: dir, output: `${dir}/preferences.parquet` });
 * assert.equal(rows, 1);
 * ```
 */
export async function exportPairs({ from, output, iteration }: ExportOptions): Promise<ExportReport> {
  const format = /\.(jsonl|parquet)$/.exec(output)?.[1] as "jsonl" | "parquet" | undefined;
  if (format === undefined) {
    throw new UserError(`Cannot write ${output}: its name ends otherwise, expected .jsonl or .parquet`);
  }
  const pairs = await pairsOf(from, iteration);
  const rows = await readPreferences(pairs);
  await writeFileAtomic(output, await encodePreferences(rows, format));
  return { pairs, rows: rows.length, conversational: typeof rows[0]!.prompt !== "string" };
}

async function pairsOf(from: string, iteration: number | undefined): Promise<string> {
  const info = await Deno.stat(from).catch((error) => {
    throw explainIoError(error, `Cannot read ${from}`);
  });
  if (!info.isDirectory) {
    if (iteration === undefined) return from;
    throw new UserError(`Cannot export iteration ${iteration} of ${from}: it is a file, expected a run's folder`);
  }
  const found = await findRunPairs(from, iteration);
  if (found !== null) return found;
  throw new UserError(
    `Cannot export ${from}: there is no ${join(`iteration-${iteration ?? "K"}`, "pairs.jsonl")} in it; label makes it`,
  );
}
