/** Keeps the evaluations of a run comparable: where the held-out rows change, all of its models are evaluated again. @module */
import { exists, removePath } from "../files/io.ts";
import { dropEvaluationEvents, type EvaluationContext } from "../run/metrics_sinks.ts";
import { readYamlRecord } from "../run/resume_check.ts";
import type { RunContext } from "../run/run_context.ts";
import { iterationPaths, runPaths, stagePaths } from "../run/run_paths.ts";
import { iterationsIn } from "../run/run_work.ts";
import { isRecord } from "../values.ts";
import { evaluateStage } from "./evaluate_stage.ts";
import { keptBenchmarks } from "./kept_benchmarks.ts";
import { type Measured, reportMeasured } from "./measured.ts";
import { runStage } from "./run_stage.ts";
import type { BenchmarkStep, EvaluateStep, Step } from "./schedule.ts";

/** Whether the config names other held-out rows than the run in its folder has been evaluated on so far. */
export async function hasOtherEval({ config }: Pick<RunContext, "config">): Promise<boolean> {
  const { settings } = runPaths(config.output_dir);
  if (!await exists(settings)) return false;
  const { data: was } = await readYamlRecord(settings);
  const of = (data: unknown): string => {
    const { eval: source, eval_limit: limit } = isRecord(data) ? data : {};
    return JSON.stringify([source, limit]);
  };
  return config.data.eval !== undefined && of(was) !== of(config.data);
}

/**
 * Removes the evaluations of a run that were made on other rows, or of other benchmarks, than the config names now, and
 * those of models that are not there any more.
 */
export async function dropOtherEvaluations(
  context: EvaluationContext & Pick<RunContext, "onNote" | "checksums">,
  steps: readonly Step[],
): Promise<void> {
  await dropOfMissing(context, steps);
  const isNew = await hasNewBenchmarks(context);
  if (isNew || await hasOtherBenchmarks(context, steps)) {
    // A model's numbers are logged together, and once.
    await dropEvaluationEvents(context);
    context.onNote(`evaluate ${isNew ? "is new" : "has changed"}: all models of the run are asked those benchmarks`);
  }
  if (!await hasOtherEval(context)) return;
  const { output_dir: folder } = context.config;
  const iterations = await iterationsIn(folder);
  for (const { evaluation } of [stagePaths(folder), ...iterations.map((k) => iterationPaths(folder, k))]) {
    await removePath(evaluation);
  }
  await dropEvaluationEvents(context);
  context.onNote(
    "data.eval or data.eval_limit has changed: all models of the run are evaluated on those rows",
  );
}

/** Whether the config names benchmarks, and the run in its folder went on without any. */
async function hasNewBenchmarks({ config }: Pick<RunContext, "config">): Promise<boolean> {
  const { settings } = runPaths(config.output_dir);
  if (config.evaluate === undefined || !await exists(settings)) return false;
  return (await readYamlRecord(settings)).evaluate === undefined;
}

/** Removes what was measured of models that are not there any more: trained again, they may be others. */
async function dropOfMissing(context: EvaluationContext, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    if (step.stage !== "optimize") continue;
    const { paths: { evaluation, benchmarkNumbers }, makes: { model, adapter } } = step;
    const made = (model ?? adapter)!;
    if (await exists(made) || !(await exists(evaluation) || await exists(benchmarkNumbers))) continue;
    await dropEvaluationEvents(context);
    for (const path of [evaluation, benchmarkNumbers]) await removePath(path);
  }
}

async function hasOtherBenchmarks(
  context: Pick<RunContext, "checksums">,
  steps: readonly Step[],
): Promise<boolean> {
  for (const step of steps) {
    if (step.stage !== "benchmark" || !await exists(step.paths.benchmarkNumbers)) continue;
    if (await keptBenchmarks(context, step) === null) return true;
  }
  return false;
}

/** What is measured of a model: on held-out rows, or by benchmarks. */
export type MeasureStep = EvaluateStep | BenchmarkStep;

/**
 * Measures earlier models again if the rows of the newest measurement are others: files of rows may have been changed, or
 * benchmarks be asked that earlier models were not asked. `steps` are those of all models so far, in order.
 */
export async function measureAgain(
  context: RunContext,
  { measured, steps }: { measured: Measured; steps: readonly MeasureStep[] },
): Promise<void> {
  const others = steps.filter((step, i) => {
    const newest = steps.findLast(({ stage }) => stage === step.stage)!;
    const [was, is] = [rowsOf(measured, step), rowsOf(measured, newest)];
    return steps.indexOf(newest) !== i && was !== undefined && is !== undefined && was !== is;
  });
  if (others.length === 0) return;
  const what = { evaluate: "data.eval has", benchmark: "the benchmarks have" };
  for (const stage of new Set(others.map(({ stage }) => stage))) {
    context.onNote(
      `${what[stage]} other rows than before: the models that were evaluated before are evaluated on them too`,
    );
  }
  await dropEvaluationEvents(context);
  for (const step of others) {
    if (step.stage === "evaluate") {
      await removePath(step.paths.evaluation);
      measured.evaluations.set(step.iteration, await runStage(context, step, () => evaluateStage(context, step)));
    } else {
      const { benchmarkStage } = await import("./benchmark_stage.ts");
      await removePath(step.paths.benchmarkNumbers);
      measured.benchmarks.set(step.iteration, await runStage(context, step, () => benchmarkStage(context, step)));
    }
  }
  for (const iteration of new Set(steps.map(({ iteration }) => iteration))) {
    await reportMeasured(context, { iteration, measured });
  }
}

/** What tells whether two measurements were on the same rows; undefined where that is not known. */
function rowsOf({ evaluations, benchmarks }: Measured, { stage, iteration }: MeasureStep): string | undefined {
  if (stage === "evaluate") return evaluations.get(iteration)!.data;
  return JSON.stringify(benchmarks.get(iteration)!.task_hashes);
}
