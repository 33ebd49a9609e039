/** Notes to the user about what became of the data. @module */
import { counted } from "../counted.ts";
import { columnsText } from "../data/parse_row.ts";
import type { ShapeCount, SkippedRow } from "../data/read_rows.ts";
import type { TokenizeReport } from "../data/tokenize_rows.ts";
import type { RunContext } from "./run_context.ts";

/** What takes note of lines for the user. */
export type Noting = Pick<RunContext, "onNote">;

/** The lines that a run, which has its own `onNote`, has noted already, since every iteration reads the same data. */
const told = new WeakMap<Noting["onNote"], Set<string>>();

/** Notes, once per run, which shapes the rows were taken for, except this project's own under their own names. */
export function noteShapes(context: Noting, path: string, shapes: readonly ShapeCount[]): void {
  for (const shape of shapes) {
    const { owner, mapped, rows } = shape;
    if (owner === "plain" && mapped === undefined) continue;
    const line = `${path}: ${counted(rows, "row")} of ${owner} shape (${columnsText(shape)})`;
    noteOnce(context, line);
  }
}

/** Notes a line, unless the run has noted it already. */
export function noteOnce({ onNote }: Noting, line: string): void {
  const lines = told.get(onNote) ?? new Set();
  told.set(onNote, lines);
  if (!lines.has(line)) onNote(line);
  lines.add(line);
}

/** Notes, once per run, malformed rows that were left out. */
export function noteSkipped(context: Noting, path: string, skipped: readonly SkippedRow[]): void {
  if (skipped.length === 0) return;
  const [first] = skipped;
  noteOnce(
    context,
    `${path}: ${counted(skipped.length, "malformed row")} left out, the first at ${first!.where}: ${first!.reason}`,
  );
}

/** Notes, once per run, rows that were cut or dropped, and those whose response shares a token with the prompt. */
export function noteReport(
  context: Noting,
  path: string,
  { report, maxLength, joint = false }: { report: TokenizeReport; maxLength: number; joint?: boolean },
): void {
  const { rows, kept, promptTooLong, emptyResponse, cut, merged, firstMerged } = report;
  if (promptTooLong > 0) {
    noteOnce(
      context,
      `${path}: ${promptTooLong} of ${rows} rows dropped, as the prompt alone reaches max_length ${maxLength}`,
    );
  }
  if (emptyResponse > 0) {
    noteOnce(context, `${path}: ${emptyResponse} of ${rows} rows dropped, as a response has no tokens`);
  }
  if (cut > 0) {
    noteOnce(context, `${path}: ${counted(cut, "response")} of ${counted(kept, "row")} cut at max_length ${maxLength}`);
  }
  if (merged > 0) {
    noteOnce(
      context,
      `${path}: in ${merged} of ${rows} rows, the first at ${firstMerged}, a token would reach from the prompt into the ` +
        `response: ${
          joint ? "it counts as the prompt's, as in TRL's SFT" : "both are tokenized apart, so that no letter is lost"
        }`,
    );
  }
}

/** Wraps `onNote` for notes that may come often: at most one line in ten seconds is passed on. */
export function noteNowAndThen(onNote: (line: string) => void): (line: string) => void {
  let last = -Infinity;
  return (line) => {
    if (performance.now() - last < 10_000) return;
    last = performance.now();
    onNote(line);
  };
}
