/** Keeps the evaluations of a run comparable: where the held-out rows change, all of its models are evaluated again. @module */
import { exists, removePath } from "../files/io.ts";
import { dropEvaluationEvents, type EvaluationContext, reportEvaluation } from "../run/metrics_sinks.ts";
import { readYamlRecord } from "../run/resume_check.ts";
import type { RunContext } from "../run/run_context.ts";
import { iterationPaths, runPaths, stagePaths } from "../run/run_paths.ts";
import { iterationsIn } from "../run/run_work.ts";
import { isRecord } from "../values.ts";
import { evaluateStage, type Evaluation } from "./evaluate_stage.ts";
import { runStage } from "./run_stage.ts";
import type { EvaluateStep } from "./schedule.ts";

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

/** Removes the evaluations of a run that were made on other rows than the config names now. */
export async function dropOtherEvaluations(context: EvaluationContext & Pick<RunContext, "onNote">): Promise<void> {
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

/**
 * Evaluates earlier models again if the rows of the newest evaluation are others: a file of rows may have been changed.
 */
export async function evaluateAgain(
  context: RunContext,
  { evaluations, steps }: { evaluations: Map<number, Evaluation>; steps: readonly EvaluateStep[] },
): Promise<void> {
  const newest = evaluations.get(steps.at(-1)!.iteration)!;
  const others = steps.filter(({ iteration }) => {
    const { data } = evaluations.get(iteration)!;
    return data !== undefined && newest.data !== undefined && data !== newest.data;
  });
  if (others.length === 0) return;
  context.onNote(
    "data.eval has other rows than before: the models that were evaluated before are evaluated on them too",
  );
  await dropEvaluationEvents(context);
  for (const step of steps) {
    const { iteration, paths } = step;
    if (others.includes(step)) {
      await removePath(paths.evaluation);
      evaluations.set(iteration, await runStage(context, step, () => evaluateStage(context, step)));
    }
    await reportEvaluation(context, { iteration, evaluation: evaluations.get(iteration)! });
  }
}
