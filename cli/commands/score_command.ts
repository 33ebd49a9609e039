/** `dnpo score`. @module */
import { scorePairs } from "../../core/evaluate/score_pairs.ts";
import type { Values } from "../command_entry.ts";
import { configOfFlags, QUANTIZATION_FLAG } from "../config_flags.ts";
import { say } from "../print.ts";
import { Progress } from "../progress_line.ts";
import { modelName } from "./_model_name.ts";

/** Prints the log-probabilities of each pair as JSON lines, and nothing else, on standard output. */
export async function score(named: string | undefined, values: Values): Promise<number> {
  const model = modelName("score", named, values);
  const { quantization } = await configOfFlags(values, { flags: [QUANTIZATION_FLAG] });
  const progress = new Progress({ quiet: values.quiet === true });
  try {
    const scores = await scorePairs({
      model,
      pairs: String(values.pairs),
      quantization,
      onProgress: (event) => progress.update(event),
      onNote: (line) => progress.note(line),
    });
    progress.finish();
    for (const score of scores) say(JSON.stringify(score));
    return 0;
  } finally {
    progress.finish();
  }
}
