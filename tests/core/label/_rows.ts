/** Rows of responses. @module */
import type { ResponseRow } from "../../../core/data/stage_files.ts";

/** A row with what is given, its two answers different. */
export function responseRow(row: number, given: Partial<ResponseRow> = {}): ResponseRow {
  return {
    row,
    prompt: `prompt ${row}`,
    promptIds: [1, 5],
    response: "human",
    responseIds: [6, 2],
    generated: "generated",
    generatedIds: [7, 2],
    finished: true,
    ...given,
  };
}
