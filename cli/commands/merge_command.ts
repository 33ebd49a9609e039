/** `dnpo merge`. @module */
import { counted } from "../../core/counted.ts";
import { mergeAdapterFolder, type MergeOptions } from "../../core/export/merge_adapter.ts";
import { mayWrite } from "../overwrite.ts";
import { sayText } from "../print.ts";
import { Progress } from "../progress_line.ts";

/** Merges an adapter into its base, and says what it wrote. */
export async function merge(
  { quiet, ...options }: MergeOptions & { quiet: boolean; force: boolean },
): Promise<number> {
  const { adapter, output } = options;
  const action = `Cannot merge ${adapter} into ${output}`;
  if (!await mayWrite(output, { action, force: options.force })) return 1;
  const progress = new Progress({ quiet });
  try {
    const { base, dtype, parameters } = await mergeAdapterFolder({
      ...options,
      force: true,
      onProgress: (event) => progress.update(event),
      onNote: (line) => progress.note(line),
    });
    progress.finish();
    const size = `${counted(parameters, "parameter")}, ${dtype}`;
    sayText(`Model: ${output} (${adapter} merged into ${base}; ${size})`);
    return 0;
  } finally {
    progress.finish();
  }
}
