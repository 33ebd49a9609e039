/** `dnpo merge`. @module */
import { mergeAdapterFolder, type MergeOptions } from "../../core/export/merge_adapter.ts";
import { say } from "../print.ts";
import { Progress } from "../progress_line.ts";

/** Merges an adapter into its base, and says what it wrote. */
export async function merge({ quiet, ...options }: MergeOptions & { quiet: boolean }): Promise<number> {
  const progress = new Progress({ quiet });
  try {
    const { base, dtype, parameters } = await mergeAdapterFolder({
      ...options,
      onProgress: (event) => progress.update(event),
      onNote: (line) => progress.note(line),
    });
    progress.finish();
    const size = `${parameters.toLocaleString("en")} parameters, ${dtype}`;
    say(`Model: ${options.output} (${options.adapter} merged into ${base}; ${size})`);
    return 0;
  } finally {
    progress.finish();
  }
}
