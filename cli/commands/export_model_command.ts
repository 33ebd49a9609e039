/** `dnpo export-model`. @module */
import { exportModel, type ExportModelOptions } from "../../core/export/export_model.ts";
import { formatSize } from "../../core/progress.ts";
import { mayWrite } from "../overwrite.ts";
import { sayText } from "../print.ts";
import { Progress } from "../progress_line.ts";

/** Writes a model as a GGUF file, and says what it wrote. */
export async function exportModelCommand(
  { quiet, ...options }: ExportModelOptions & { quiet: boolean; force: boolean },
): Promise<number> {
  const { from, output } = options;
  const action = `Cannot export ${from} to ${output}`;
  if (!await mayWrite(output, { action, force: options.force })) return 1;
  const progress = new Progress({ quiet });
  try {
    const { tensors, bytes, type } = await exportModel({
      ...options,
      force: true,
      onProgress: (event) => progress.update(event),
      onNote: (line) => progress.note(line),
    });
    progress.finish();
    sayText(`Model: ${output} (GGUF, ${type}, ${tensors} tensors of ${formatSize(bytes)})`);
    return 0;
  } finally {
    progress.finish();
  }
}
