/** `dnpo mt-bench`. @module */
import { UserError } from "../../core/error.ts";
import { mtResults } from "../../core/evaluate/mt_bench/mt_results.ts";
import { runMtBench } from "../../core/evaluate/mt_bench/run_mt_bench.ts";
import type { Values } from "../command_entry.ts";
import { configOfFlags, type Flag, flagValue, QUANTIZATION_FLAG, SAMPLING_FLAGS } from "../config_flags.ts";
import { mtBenchLines } from "../mt_bench_text.ts";
import { sayJson, sayText } from "../print.ts";
import { Progress } from "../progress_line.ts";
import { outputColumns } from "../text_table.ts";
import { modelName } from "./_model_name.ts";
import { untilStopped } from "./_stop_signals.ts";

const FLAGS: readonly Flag[] = [
  // Each category has its own.
  ...SAMPLING_FLAGS.filter(({ name }) => name !== "temperature"),
  QUANTIZATION_FLAG,
  { name: "judge-model", key: "labels.server_model" },
  { name: "base-url", key: "labels.base_url" },
  { name: "max-length", key: "data.max_length" },
];

/** A limit above any model's own, so that the model's own applies. */
const NO_LIMIT = 2 ** 30;

/** MT-Bench's limits of an answer's and of a judgment's tokens. */
const ANSWER_TOKENS = 1024;
const JUDGMENT_TOKENS = 2048;

/** Unreadable ratings are left out and told: more of them are borne than of labels, and few questions may be asked. */
const MAX_INVALID = 0.2;

/** Lets a model answer questions of two turns and a judge rate them, and prints the means. */
export async function mtBench(named: string | undefined, values: Values): Promise<number> {
  const model = modelName("mt-bench", named, values, "Cannot run mt-bench");
  const config = await configOfFlags(values, {
    flags: FLAGS,
    ...(typeof values.config === "string" && { config: values.config }),
    defaults: {
      generation: { max_new_tokens: ANSWER_TOKENS },
      labels: { max_tokens: JUDGMENT_TOKENS, max_invalid: MAX_INVALID },
    },
    // Whatever a run's config says: the context is the model's.
    set: [`data.max_length=${NO_LIMIT}`],
  });
  const output = flagValue(values, { name: "output" }) ?? "runs/mt-bench";
  const progress = new Progress({ quiet: values.quiet === true });
  const saved = `Stopped. What was answered is kept in ${output}, and the same command goes on from there.`;
  return await untilStopped(progress, async (signal) => {
    const { bench, files } = await runMtBench(config, {
      model,
      baseline: flagValue(values, { name: "baseline" }),
      questions: flagValue(values, { name: "questions" }),
      references: flagValue(values, { name: "references" }),
      limit: limitOf(values),
      output,
      isAnew: values.overwrite === true,
    }, {
      signal,
      onProgress: (event) => progress.update(event),
      onNote: (line) => progress.note(line),
    });
    progress.finish();
    if (values.json === true) return sayJson(mtResults(bench));
    sayText(...mtBenchLines(bench, outputColumns()), `Results: ${files.results}`);
  }, { saved });
}

function limitOf(values: Values): number | undefined {
  const text = flagValue(values, { name: "limit" });
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new UserError(
    `Cannot run mt-bench: --limit is ${JSON.stringify(text)}, expected how many questions of each category, from 1`,
  );
}
