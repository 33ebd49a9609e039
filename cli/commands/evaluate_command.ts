/** `dnpo evaluate`. @module */
import { FEW_SHOT_SEED } from "../../core/benchmark/benchmark_task.ts";
import { parseGenKwargs } from "../../core/benchmark/generation_settings.ts";
import { taskNames } from "../../core/benchmark/find_tasks.ts";
import type { Crew } from "../../core/cluster/crew.ts";
import type { Quantization } from "../../core/config/choices.ts";
import { UserError } from "../../core/error.ts";
import type { ResultsFile } from "../../core/evaluate/evaluate_model.ts";
import type { EvaluationWork } from "../../core/evaluate/evaluation_work.ts";
import type { LeaderboardAverage } from "../../core/evaluate/leaderboard_average.ts";
import { type EvaluationEntry, runEvaluation, type RunEvaluationOptions } from "../../core/evaluate/run_evaluation.ts";
import { evaluationTimes } from "../../core/plan/evaluation_time.ts";
import type { Values } from "../command_entry.ts";
import { configOfFlags, QUANTIZATION_FLAG } from "../config_flags.ts";
import { say, sayJson, sayText } from "../print.ts";
import { Progress } from "../progress_line.ts";
import { formatDifferences, formatResults, type ShownResults } from "../results_table.ts";
import { outputColumns } from "../text_table.ts";
import { workLines } from "../work_text.ts";
import { launchedAlone } from "./_launched_alone.ts";
import { modelName } from "./_model_name.ts";
import { untilStopped } from "./_stop_signals.ts";

/**
 * Evaluates a model, or each iteration of a run, on benchmark tasks, and prints lm-eval's table. The ranks of `crew`
 * compute too.
 */
export async function evaluate(
  named: string | undefined,
  values: Values,
  { crew = null }: { crew?: Crew | null } = {},
): Promise<number> {
  if (values.list === true) return list();
  const model = modelName("evaluate", named, values);
  const { quantization } = await configOfFlags(values, { flags: [QUANTIZATION_FLAG] });
  const options = optionsOf(values, { quantization });
  const output = typeof values.output === "string" ? values.output : "runs/evaluate";
  const progress = new Progress({ quiet: values.quiet === true });
  if (crew === null) { for (const line of launchedAlone()) progress.note(line); }
  const saved = `Stopped. The answers so far are kept in ${output}, and the same command goes on from there.`;
  return await untilStopped(progress, async (signal) => {
    const entries = await runEvaluation(model, {
      options,
      output,
      data: textOf(values, "data"),
      taskFiles: textsOf(values, "taskFile"),
      textFiles: textsOf(values, "text"),
      baseline: textOf(values, "baseline"),
      iterations: iterationsOf(values),
      isAnew: values.overwrite === true,
    }, {
      crew,
      signal,
      onProgress: (event) => progress.update(event),
      onNote: (line) => progress.note(line),
      ...(values.quiet !== true && { onWork: (work) => tellWork(work, progress) }),
    });
    progress.finish();
    if (values.json === true) return sayJson(entries.map(jsonOf));
    for (const entry of entries) show(entry, options);
  }, { saved, step: "batch" });
}

/** Says what will be computed, and how long that takes. */
async function tellWork(work: EvaluationWork, progress: Progress): Promise<void> {
  const times = await evaluationTimes(work);
  progress.finish();
  for (const line of workLines(times, { isTerminal: Deno.stderr.isTerminal() })) progress.note(line);
  const expected = times.flatMap(({ work: { task: stage }, seconds }) => seconds === null ? [] : [{ stage, seconds }]);
  if (expected.length === times.length) progress.expect(expected);
}

/** Prints the names of all tasks and groups. */
function list(): number {
  const { tasks, groups } = taskNames();
  say(
    ...groups.map((name) => `${name} (group)`),
    ...tasks.filter((name) => !name.startsWith("mmlu_")),
    `mmlu_SUBJECT, one of ${tasks.filter((name) => name.startsWith("mmlu_")).length}:`,
    ...tasks.filter((name) => name.startsWith("mmlu_")).map((name) => `  ${name}`),
  );
  return 0;
}

/** The results as their file has them, and what their difference from the baseline is. */
function jsonOf({ evaluated: { results }, differences }: EvaluationEntry): unknown {
  return differences ? { ...results, dnpo: { ...results.dnpo as object, differences } } : results;
}

function show(
  { name, evaluated, files, differences }: EvaluationEntry,
  options: RunEvaluationOptions["options"],
): void {
  const { results, cut } = evaluated;
  // lm-eval's table stays as it is, so that both can be laid side by side.
  for (const table of formatResults(results as unknown as ShownResults)) say(...table.trimEnd().split("\n"));
  const { openllm_average: average } = results.dnpo as { openllm_average?: LeaderboardAverage };
  if (average) {
    const error = average.stderr === null ? "" : ` ± ${average.stderr.toFixed(4)}`;
    sayText(`Average of the six tasks of openllm: ${average.value.toFixed(4)}${error}`);
  }
  const { limit, seed = FEW_SHOT_SEED, numFewShot, applyChatTemplate = false, quantization = "none" } = options;
  const { maxLength, genKwargs, systemInstruction, fewShotAsTurns } = options;
  const more = [
    fewShotAsTurns === false ? "examples in one turn" : "",
    maxLength === undefined ? "" : `max_length: ${maxLength}`,
    genKwargs === undefined ? "" : `gen_kwargs: ${JSON.stringify(genKwargs)}`,
    systemInstruction === undefined ? "" : `system instruction: ${JSON.stringify(systemInstruction)}`,
  ].filter((part) => part !== "");
  sayText(
    `${name}: float32${
      quantization === "none" ? "" : `, linear layers in ${quantization}`
    }, as lm-eval 0.4.13; limit: ` +
      `${limit ?? "none"}, num_fewshot: ${numFewShot ?? "the tasks'"}, seed: ${seed}, chat template: ` +
      [applyChatTemplate ? "yes" : "no", ...more].join(", "),
  );
  for (const line of cutLines(cut, results)) sayText(line);
  const { may_differ: mayDiffer = {} } = results.dnpo as { may_differ?: Record<string, readonly string[]> };
  for (const [task, parts] of Object.entries(mayDiffer)) {
    sayText(`${task}: may differ from lm-eval in ${parts.join(", ")}`);
  }
  if (differences) sayText(...formatDifferences(differences, outputColumns()).split("\n"));
  sayText(`Results: ${files.results}`);
}

function optionsOf(
  values: Values,
  { quantization }: { quantization: Quantization },
): RunEvaluationOptions["options"] {
  const gen = textOf(values, "genKwargs");
  if (values.fewshotAsMultiturn === false && values.applyChatTemplate !== true) {
    throw new UserError(
      "Cannot evaluate: --no-fewshot-as-multiturn is given, and without a chat template examples are no turns, expected " +
        "--apply-chat-template too",
    );
  }
  return {
    tasks: textOf(values, "tasks"),
    quantization,
    numFewShot: numberOf(values, "numFewshot", "--num-fewshot"),
    limit: limitOf(values),
    seed: numberOf(values, "seed", "--seed"),
    maxLength: numberOf(values, "maxLength", "--max-length"),
    batchTokens: numberOf(values, "batchTokens", "--batch-tokens"),
    systemInstruction: textOf(values, "systemInstruction"),
    ...(gen !== undefined && { genKwargs: parseGenKwargs(gen) }),
    ...(values.applyChatTemplate === true && { applyChatTemplate: true }),
    ...(values.fewshotAsMultiturn === false && { fewShotAsTurns: false }),
  };
}

function textOf(values: Values, name: string): string | undefined {
  const value = values[name];
  return typeof value === "string" ? value : undefined;
}

function textsOf(values: Values, name: string): string[] {
  const value = values[name];
  return Array.isArray(value) ? value.map(String) : [];
}

function numberOf(values: Values, name: string, flag: string): number | undefined {
  const text = textOf(values, name);
  if (text === undefined) return undefined;
  const number = text.trim() === "" ? NaN : Number(text);
  if (Number.isFinite(number) && number >= 0) return number;
  throw new UserError(`Cannot evaluate: ${flag} is ${JSON.stringify(text)}, expected a number from 0`);
}

function limitOf(values: Values): number | undefined {
  const limit = numberOf(values, "limit", "--limit");
  if (limit !== 0) return limit;
  throw new UserError("Cannot evaluate: --limit is 0, expected a number of documents, or a share of them below 1");
}

function iterationsOf(values: Values): "last" | "all" {
  const text = textOf(values, "iterations") ?? "last";
  if (text === "last" || text === "all") return text;
  throw new UserError(`Cannot evaluate: --iterations is ${JSON.stringify(text)}, expected all or last`);
}

/** More tasks than these are told in one line: MMLU has 57. */
const MOST_TASKS = 6;

/** What was cut from contexts, task by task, or of all tasks together where these are many. */
function cutLines(cut: Record<string, number>, { "n-samples": samples }: ResultsFile): string[] {
  const parts = Object.entries(cut).map(([task, count]) => ({
    what: task,
    count,
    of: (samples[task] as { effective: number }).effective,
  }));
  const line = ({ what, count, of }: typeof parts[number]): string =>
    `${what}: ${count} of ${of} contexts were cut from the left to fit the model`;
  if (parts.length <= MOST_TASKS) return parts.map(line);
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  return [line({
    what: `${parts.length} tasks`,
    count: sum(parts.map(({ count }) => count)),
    of: sum(parts.map(({ of }) => of)),
  })];
}
