/** Lines that tell what became of the data. @module */
import type { SkippedRow } from "../data/rows.ts";
import type { TokenizeReport } from "../data/tokenize.ts";
import type { RunContext } from "./context.ts";

/** Tells of malformed rows that were left out. */
export function noteSkipped({ onNote }: RunContext, path: string, skipped: readonly SkippedRow[]): void {
  if (skipped.length === 0) return;
  const [first] = skipped;
  onNote(`${path}: ${skipped.length} malformed rows left out, the first at ${first!.where}: ${first!.reason}`);
}

/** Tells of rows that were cut or dropped for their length. */
export function noteReport(
  { onNote }: RunContext,
  path: string,
  { report, maxLength }: { report: TokenizeReport; maxLength: number },
): void {
  const { rows, kept, promptTooLong, emptyResponse, cut, prefixMismatch } = report;
  if (promptTooLong > 0) {
    onNote(`${path}: ${promptTooLong} of ${rows} rows dropped, as the prompt alone reaches max_length ${maxLength}`);
  }
  if (emptyResponse > 0) onNote(`${path}: ${emptyResponse} of ${rows} rows dropped, as a response has no tokens`);
  if (cut > 0) onNote(`${path}: ${cut} responses of ${kept} rows cut at max_length ${maxLength}`);
  if (prefixMismatch > 0) onNote(`${path}: ${prefixMismatch} prompts are tokenized differently before their response`);
}
