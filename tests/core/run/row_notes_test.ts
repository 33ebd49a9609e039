import { deepEqual } from "node:assert/strict";
import { noteReport, noteSkipped } from "../../../core/run/row_notes.ts";
import type { RunContext } from "../../../core/run/run_context.ts";

/** The lines that `tell` notes. */
function notes(tell: (context: RunContext) => void): string[] {
  const lines: string[] = [];
  tell({ onNote: (line: string) => lines.push(line) } as unknown as RunContext);
  return lines;
}

const clean = {
  rows: 9,
  kept: 9,
  promptTooLong: 0,
  emptyResponse: 0,
  cut: 0,
  merged: 0,
  firstMerged: null,
};

Deno.test("noteReport() has a line for each thing that became of rows, and none where nothing did", () => {
  const report = { ...clean, kept: 5, promptTooLong: 3, emptyResponse: 1, cut: 4 };
  deepEqual(notes((context) => noteReport(context, "rows.jsonl", { report, maxLength: 64 })), [
    "rows.jsonl: 3 of 9 rows dropped, as the prompt alone reaches max_length 64",
    "rows.jsonl: 1 of 9 rows dropped, as a response has no tokens",
    "rows.jsonl: 4 responses of 5 rows cut at max_length 64",
  ]);
  deepEqual(notes((context) => noteReport(context, "rows.jsonl", { report: clean, maxLength: 64 })), []);
});

Deno.test("noteReport() says once per run what became of tokens that reach from the prompt into the response", () => {
  const report = { ...clean, merged: 2, firstMerged: "rows.jsonl:4" };
  const start = "rows.jsonl: in 2 of 9 rows, the first at rows.jsonl:4, a token would reach from the prompt into the " +
    "response: ";
  const twice = (joint: boolean): string[] =>
    notes((context) => [0, 1].forEach(() => noteReport(context, "rows.jsonl", { report, maxLength: 64, joint })));
  deepEqual(twice(false), [`${start}both are tokenized apart, so that no letter is lost`]);
  deepEqual(twice(true), [`${start}it counts as the prompt's, as in TRL's SFT`]);
});

Deno.test("noteSkipped() counts malformed rows and names the first", () => {
  const skipped = [{ where: "rows.jsonl:3", reason: "it is no JSON" }, { where: "rows.jsonl:7", reason: "other" }];
  deepEqual(notes((context) => noteSkipped(context, "rows.jsonl", skipped)), [
    "rows.jsonl: 2 malformed rows left out, the first at rows.jsonl:3: it is no JSON",
  ]);
  deepEqual(notes((context) => noteSkipped(context, "rows.jsonl", [])), []);
});
