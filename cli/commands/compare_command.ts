/** `dnpo compare`. @module */
import { dirname } from "node:path";
import { UserError } from "../../core/error.ts";
import { compareModels } from "../../core/evaluate/compare_models.ts";
import { comparisonJson, encodeComparedRow } from "../../core/evaluate/comparison_json.ts";
import { writeFileAtomic } from "../../core/files/atomic.ts";
import { isFolder } from "../../core/files/io.ts";
import type { Values } from "../command_entry.ts";
import { formatComparison } from "../comparison_text.ts";
import { configOfFlags, type Flag, QUANTIZATION_FLAG, SAMPLING_FLAGS } from "../config_flags.ts";
import { mayWrite } from "../overwrite.ts";
import { print, sayJson } from "../print.ts";
import { Progress } from "../progress_line.ts";

const FLAGS: readonly Flag[] = [
  ...SAMPLING_FLAGS,
  QUANTIZATION_FLAG,
  { name: "judge", key: "labels.judge" },
  { name: "verifier", key: "labels.verifier" },
  { name: "judge-model", key: "labels.model" },
  { name: "max-length", key: "data.max_length" },
  { name: "limit", key: "data.limit" },
];

/** A limit above any model's own, so that the model's own applies. */
const NO_LIMIT = 2 ** 30;

/** Compares the model in `b` with the one in `a`, and prints the result. */
export async function compare(a: string, b: string, values: Values): Promise<number> {
  const config = await configOfFlags(values, {
    flags: FLAGS,
    ...(typeof values.config === "string" && { config: values.config }),
    // Whatever a run's config says: greedy, without limits of its own, and not in the run's folder.
    set: ["generation.temperature=0", `data.max_length=${NO_LIMIT}`, "data.limit=null", "output_dir=runs/compare"],
  });
  const output = typeof values.output === "string" ? values.output : null;
  // Known before hours of work.
  if (output !== null && !await mayBeWritten(output, values.force === true)) return 1;
  const progress = new Progress({ quiet: values.quiet === true });
  try {
    const comparison = await compareModels(
      config,
      { a, b, prompts: String(values.prompts), ...(config.data.limit !== undefined && { limit: config.data.limit }) },
      {
        onProgress: (event) => progress.update(event),
        onNote: (line) => progress.note(line),
        allowVerifier: values.verifier !== false,
      },
    );
    progress.finish();
    const colored = Deno.stdout.isTerminal() && !Deno.noColor;
    if (values.json === true) sayJson(comparisonJson(comparison));
    // It has colours of its own, and its names are made safe there.
    else print(Deno.stdout)(`${formatComparison(comparison, { colored })}\n`);
    // After the result, which is not lost with a file that cannot be written.
    if (output !== null) await writeFileAtomic(output, comparison.rows.map(encodeComparedRow).join(""));
    return 0;
  } finally {
    progress.finish();
  }
}

async function mayBeWritten(output: string, force: boolean): Promise<boolean> {
  const action = `Cannot write the compared rows to ${output}`;
  if (await isFolder(output)) throw new UserError(`${action}: it is a folder, expected a file's name`);
  if (!await isFolder(dirname(output))) {
    throw new UserError(`${action}: there is no folder ${dirname(output)}, expected one to write into`);
  }
  return await mayWrite(output, { action, force });
}
