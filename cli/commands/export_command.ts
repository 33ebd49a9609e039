/** `dnpo export`. @module */
import { counted } from "../../core/counted.ts";
import { type ExportOptions, exportPairs } from "../../core/run/export_pairs.ts";
import { mayWrite } from "../overwrite.ts";
import { sayText } from "../print.ts";

/** Writes pairs as a preference data set in TRL's form, and says what it wrote. */
export async function exportCommand({ force, ...options }: ExportOptions & { force: boolean }): Promise<number> {
  const { from, output } = options;
  if (!await mayWrite(output, { action: `Cannot export ${from} to ${output}`, force })) return 1;
  const { pairs, rows, conversational } = await exportPairs(options);
  const kind = conversational ? "conversations" : "texts";
  sayText(`Preferences: ${output} (${counted(rows, "pair")} of ${pairs}, ${kind})`);
  return 0;
}
