/** Checks, before the device is opened, that the config's benchmarks can be asked of the run's models. @module */
import { AVERAGE_NAME, isStderrName } from "../benchmark/benchmark_numbers.ts";
import { expectedNumbers } from "../benchmark/expected_numbers.ts";
import { outputTypeOf } from "../benchmark/task_config.ts";
import type { ModelFolder } from "../checkpoint/model_folder.ts";
import { nearestWord } from "../config/nearest_word.ts";
import { tokenizerOf } from "../data/tokenizer/tokenizer.ts";
import { UserError } from "../error.ts";
import { checkGeneration } from "../evaluate/greedy_settings.ts";
import { requestsOf } from "../evaluate/open_tasks.ts";
import type { CheckContext, FolderContext } from "../run/run_context.ts";
import { hasLeaderboardAverage } from "../evaluate/leaderboard_average.ts";
import { benchmarkTasks } from "./benchmark_tasks.ts";
import { isBenchmarkMetric, metricOf } from "./best_iteration.ts";
import { askOf, keptBenchmarks } from "./kept_benchmarks.ts";
import type { BenchmarkStep, Step } from "./schedule.ts";

/** The most numbers that a message lists. */
const MOST_NAMES = 8;

/**
 * Opens the tasks, and makes the prompts as the model at `folder` gets them. Throws a UserError that names the task, row
 * or key that is wrong.
 */
export async function checkBenchmarks(
  context: CheckContext,
  { step, folder: { files } }: { step: BenchmarkStep; folder: Pick<ModelFolder, "files"> },
): Promise<void> {
  const tokenizer = await tokenizerOf(files, step.settings.data);
  if (tokenizer === null) {
    throw new UserError("Cannot ask the benchmarks of evaluate: the model has no tokenizer.json, expected one");
  }
  if (step.evaluate.apply_chat_template && !tokenizer.hasChatTemplate) {
    throw new UserError(
      "Cannot ask the benchmarks of evaluate: apply_chat_template is true and the model has no chat template, expected data.chat_template set, or false",
    );
  }
  const ask = await askOf(step);
  const tasks = await benchmarkTasks(context, { evaluate: step.evaluate, ask });
  // The models that are trained take generation_config.json from this one.
  if (tasks.tasks.some(({ config }) => outputTypeOf(config) === "generate_until")) await checkGeneration(files);
  for (const task of tasks.tasks) requestsOf(task, ask.options, tokenizer);
  checkMetric(context, expectedNumbers(tasks));
}

/**
 * Throws a UserError if iterations are told better or worse by a number that no model has, though all of them have been
 * asked; before that, {@linkcode checkBenchmarks} knows which there will be.
 */
export async function checkAskedMetric(context: FolderContext, steps: readonly Step[]): Promise<void> {
  const names = new Set<string>();
  for (const step of steps) {
    if (step.stage !== "benchmark") continue;
    const record = await keptBenchmarks(context, step);
    if (record === null) return;
    for (const name of Object.keys(record.metrics)) if (!isStderrName(name)) names.add(name);
  }
  if (names.size > 0) checkMetric(context, [...names]);
}

/** Throws a UserError if iterations are told better or worse by a number that the benchmarks do not give. */
function checkMetric({ config }: Pick<CheckContext, "config">, given: readonly string[]): void {
  const { load_best_model_at_end, early_stopping_patience } = config.training;
  const metric = metricOf(config);
  if (!load_best_model_at_end && early_stopping_patience === undefined) return;
  if (!isBenchmarkMetric(metric)) return;
  const names = hasLeaderboardAverage(given) ? [...new Set([...given, AVERAGE_NAME])] : given;
  if (names.includes(metric)) return;
  const nearest = nearestWord(metric, names);
  const shown = nearest === undefined ? names.slice(0, MOST_NAMES) : [nearest];
  throw new UserError(
    `Cannot pick iterations by training.metric_for_best_model ${metric}: the benchmarks of evaluate do not give it, ` +
      `expected ${shown.join(", ")}${shown.length < names.length ? " or another of theirs" : ""}`,
  );
}
