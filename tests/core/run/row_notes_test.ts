import { deepEqual } from "node:assert/strict";
import { noteReport, noteSkipped } from "../../../core/run/row_notes.ts";
import type { RunContext } from "../../../core/run/run_context.ts";

/** The lines that `tell` notes. */
function notes(tell: (context: RunContext) => void): string[] {
  const lines: string[] = [];
  tell({ onNote: (line: string) => lines.push(line) } as unknown as RunContext);
  return lines;
}

Deno.test("noteReport() has a line for each thing that became of rows, and none where nothing did", () => {
  const report = { rows: 9, kept: 5, promptTooLong: 3, emptyResponse: 1, cut: 4, prefixMismatch: 2 };
  deepEqual(notes((context) => noteReport(context, "rows.jsonl", { report, maxLength: 64 })), [
    "rows.jsonl: 3 of 9 rows dropped, as the prompt alone reaches max_length 64",
    "rows.jsonl: 1 of 9 rows dropped, as a response has no tokens",
    "rows.jsonl: 4 responses of 5 rows cut at max_length 64",
    "rows.jsonl: 2 prompts are tokenized differently before their response",
  ]);
  const clean = { rows: 9, kept: 9, promptTooLong: 0, emptyResponse: 0, cut: 0, prefixMismatch: 0 };
  deepEqual(notes((context) => noteReport(context, "rows.jsonl", { report: clean, maxLength: 64 })), []);
});

Deno.test("noteSkipped() counts malformed rows and names the first", () => {
  const skipped = [{ where: "rows.jsonl:3", reason: "it is no JSON" }, { where: "rows.jsonl:7", reason: "other" }];
  deepEqual(notes((context) => noteSkipped(context, "rows.jsonl", skipped)), [
    "rows.jsonl: 2 malformed rows left out, the first at rows.jsonl:3: it is no JSON",
  ]);
  deepEqual(notes((context) => noteSkipped(context, "rows.jsonl", [])), []);
});
