/** `dnpo compare`. @module */
import { dirname } from "node:path";
import { forIteration, type ResolvedConfig } from "../../core/config/config.ts";
import { UserError } from "../../core/error.ts";
import { compareIterations } from "../../core/evaluate/compare_iterations.ts";
import { compareModels } from "../../core/evaluate/compare_models.ts";
import { comparisonJson, encodeComparedRow } from "../../core/evaluate/comparison_json.ts";
import { writeFileAtomic } from "../../core/files/atomic.ts";
import { isFolder } from "../../core/files/io.ts";
import type { RunHooks } from "../../core/run/run_context.ts";
import type { Values } from "../command_entry.ts";
import { formatComparison } from "../comparison_text.ts";
import { configOfFlags, type Flag, QUANTIZATION_FLAG, SAMPLING_FLAGS } from "../config_flags.ts";
import { judgeFlags } from "../judge_flags.ts";
import { mayWrite } from "../overwrite.ts";
import { print, say, sayJson } from "../print.ts";
import { Progress } from "../progress_line.ts";
import { showsColors } from "../terminal_kind.ts";
import { outputColumns } from "../text_table.ts";
import { formatWinRates } from "../win_rates_text.ts";
import { untilStopped } from "./_stop_signals.ts";

const FLAGS: readonly Flag[] = [
  ...SAMPLING_FLAGS,
  QUANTIZATION_FLAG,
  { name: "judge", key: "labels.judge" },
  { name: "max-length", key: "data.max_length" },
  { name: "limit", key: "data.limit" },
];

/** A limit above any model's own, so that the model's own applies. */
const NO_LIMIT = 2 ** 30;

/** Compares the model in `b`, or each iteration of the run in `b`, with `a`, and prints the result. */
export async function compare(a: string, b: string, values: Values): Promise<number> {
  const iterations = iterationsOf(values);
  const from = {
    ...(typeof values.config === "string" && { config: values.config }),
    // Whatever a run's config says: greedy, without limits of its own, and not in the run's folder.
    set: ["generation.temperature=0", `data.max_length=${NO_LIMIT}`, "data.limit=null", "output_dir=runs/compare"],
  };
  // Which keys the judge's flags set is known once the judge is.
  const known = await configOfFlags(values, { ...from, flags: FLAGS });
  const { labels: { judge } } = forIteration(known, known.iteration);
  const config = await configOfFlags(values, { ...from, flags: [...FLAGS, ...judgeFlags(values, judge)] });
  const asked = { a, b, prompts: String(values.prompts), limit: config.data.limit };
  return iterations === null
    ? await compareOne(config, { ...asked, values })
    : await compareAll(config, { ...asked, iterations, values });
}

interface Asked {
  a: string;
  b: string;
  prompts: string;
  limit: number | undefined;
  values: Values;
}

async function compareOne(config: ResolvedConfig, { a, b, prompts, limit, values }: Asked): Promise<number> {
  const output = typeof values.output === "string" ? values.output : null;
  // Known before hours of work.
  if (output !== null && !await mayBeWritten(output, values.force === true)) return 1;
  const progress = new Progress({ quiet: values.quiet === true });
  try {
    const comparison = await compareModels(
      config,
      { a, b, prompts, ...(limit !== undefined && { limit }) },
      hooksOf(progress, values),
    );
    progress.finish();
    const colored = showsColors(Deno.stdout);
    if (values.json === true) sayJson(comparisonJson(comparison));
    // It has colours of its own, and its names are made safe there.
    else print(Deno.stdout)(`${formatComparison(comparison, { colored, columns: outputColumns() })}\n`);
    // After the result, which is not lost with a file that cannot be written.
    if (output !== null) await writeFileAtomic(output, comparison.rows.map(encodeComparedRow).join(""));
    return 0;
  } finally {
    progress.finish();
  }
}

async function compareAll(
  config: ResolvedConfig,
  { values, ...asked }: Asked & { iterations: "all" | readonly number[] },
): Promise<number> {
  const output = typeof values.output === "string" ? values.output : config.output_dir;
  const progress = new Progress({ quiet: values.quiet === true });
  const saved = `Stopped. Answers and win rates so far are kept in ${output}, and the same command goes on from there.`;
  return await untilStopped(progress, async (signal) => {
    const hooks = { ...hooksOf(progress, values), signal };
    const compared = await compareIterations(config, { ...asked, output, isAnew: values.force === true }, hooks);
    progress.finish();
    if (values.json === true) return sayJson(compared.rates);
    say(...formatWinRates(compared, { columns: outputColumns() }).split("\n"));
  }, { saved, step: "batch" });
}

function hooksOf(progress: Progress, values: Values): RunHooks {
  return {
    onProgress: (event) => progress.update(event),
    onNote: (line) => progress.note(line),
    allowVerifier: values.verifier !== false,
  };
}

/** The iterations that were asked for; null if models are compared as they are. */
function iterationsOf({ iterations }: Values): "all" | number[] | null {
  if (typeof iterations !== "string") return null;
  if (iterations === "all") return "all";
  const parts = iterations.split(",").map((part) => part.trim());
  if (parts.every((part) => /^\d{1,9}$/.test(part))) return parts.map(Number);
  throw new UserError(`Cannot compare: --iterations is ${JSON.stringify(iterations)}, expected all, or such as 0,2`);
}

async function mayBeWritten(output: string, force: boolean): Promise<boolean> {
  const action = `Cannot write the compared rows to ${output}`;
  if (await isFolder(output)) throw new UserError(`${action}: it is a folder, expected a file's name`);
  if (!await isFolder(dirname(output))) {
    throw new UserError(`${action}: there is no folder ${dirname(output)}, expected one to write into`);
  }
  return await mayWrite(output, { action, force });
}
