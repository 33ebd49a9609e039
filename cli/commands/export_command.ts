/** `dnpo export`. @module */
import { type ExportOptions, exportPairs } from "../../core/run/export_pairs.ts";
import { say } from "../print.ts";

/** Writes pairs as a preference data set in TRL's form, and says what it wrote. */
export async function exportCommand(options: ExportOptions): Promise<number> {
  const { pairs, rows, conversational } = await exportPairs(options);
  const kind = conversational ? "conversations" : "texts";
  say(`Preferences: ${options.output} (${rows.toLocaleString("en")} pairs of ${pairs}, ${kind})`);
  return 0;
}
