/** The whole loop: generate, label, optimize, evaluate, iteration by iteration. @module */
import { openModelFolder } from "../checkpoint/model_folder.ts";
import { forIteration, forSft, requireFor, type ResolvedConfig } from "../config/config.ts";
import { readRows } from "../data/read_rows.ts";
import { dtypeOfName } from "../dtype.ts";
import { withAdvice } from "../error.ts";
import { writeFileAtomic } from "../files/atomic.ts";
import { exists } from "../files/io.ts";
import { join } from "../files/path.ts";
import { checkVerifiers } from "../label/verifier_use.ts";
import { loadModel, saveModel } from "../model/model.ts";
import { writeReport } from "../report/write_report.ts";
import { reportEvaluation } from "../run/metrics_sinks.ts";
import { fixSettings } from "../run/resume_check.ts";
import { type RunContext, type RunHooks, throwIfStopped, withRun } from "../run/run_context.ts";
import { iterationPaths, runPaths } from "../run/run_paths.ts";
import { readingOf } from "../run/run_rows.ts";
import { evaluateStage, type Evaluation } from "./evaluate_stage.ts";
import { generateStage } from "./generate_stage.ts";
import { labelStage } from "./label_stage.ts";
import { dropState, type OptimizeStage, optimizeStage, withChatTemplate } from "./optimize_stage.ts";
import { during } from "./run_stage.ts";
import { type IterationSummary, type RunSummary, summarizeRun } from "./run_summary.ts";

/** How a caller of {@linkcode train} is told of each iteration's end. */
export interface TrainHooks extends RunHooks {
  /** Told the numbers of an iteration (−1: the start) as soon as they are there. */
  onIteration?: (summary: IterationSummary) => void;
}

/**
 * Runs the config's iterations, or the rest of them where its output_dir holds a part, and returns what
 * OUTPUT_DIR/summary.json holds. Throws UserError, DeviceError, or StoppedError where the signal stopped it.
 */
export async function train(config: ResolvedConfig, hooks: TrainHooks = {}): Promise<RunSummary> {
  requireFor("train", config);
  const check = (judges: boolean): void =>
    checkVerifiers(config, hooks, {
      iterations: Array.from({ length: config.iterations }, (_, k) => k),
      judges,
      evaluates: true,
    });
  check(config.method !== "sft" && config.method !== "dpo");
  return await withRun(config, { stage: "train", hooks }, async (context) => {
    const hasPairs = await givesPairs(context);
    // Whether dpo needs a judge is known where its rows are there.
    check(config.method !== "sft" && !hasPairs);
    await fixSettings(config);
    const { method, iterations } = config;
    const iterate = () => runIterations(context, { ...hooks, hasPairs });
    return await context.telemetry.span("train", { method, iterations }, iterate);
  });
}

async function runIterations(
  context: RunContext,
  { onIteration, hasPairs }: TrainHooks & { hasPairs: boolean },
): Promise<RunSummary> {
  const { config } = context;
  const { output_dir: folder } = config;
  const evaluations = new Map<number, Evaluation>();
  const evaluate = async (iteration: number, dir: string, path: string): Promise<void> => {
    const place = { stage: "evaluate", iteration: Math.max(0, iteration) } as const;
    const evaluation = await during(context, place, () => evaluateStage(context, { iteration, dir, path }));
    if (!evaluation) return;
    evaluations.set(iteration, evaluation);
    await reportEvaluation(context, { iteration, evaluation });
  };
  const summarize = async (last: number): Promise<RunSummary> => {
    const summary = await summarizeRun(folder, { evaluations, last });
    await writeFileAtomic(runPaths(folder).summary, JSON.stringify(summary, null, 2) + "\n");
    onIteration?.(summary.iterations.at(-1)!);
    return summary;
  };

  const base = await context.sources.model(config.model!);
  await evaluate(-1, base, join(folder, "evaluation.json"));
  let summary = await summarize(-1);
  let model = base;
  for (let k = 0; k < config.iterations; k++) {
    const paths = iterationPaths(folder, k);
    if (!await exists(paths.model)) {
      if (config.method === "sft") {
        const settings = { ...forSft(config), iteration: k };
        await during(
          context,
          { stage: "optimize", iteration: k },
          () => optimizeStage(context, { settings, model, pairs: [], paths, dtype: "F32" }),
        );
      } else {
        if (!hasPairs) {
          const stage = { iteration: k, model, paths };
          await during(context, { stage: "generate", iteration: k }, () => generateStage(context, stage));
          throwIfStopped(context);
          if (!await exists(paths.pairs)) {
            await during(context, { stage: "label", iteration: k }, () => labelStage(context, stage));
          }
          throwIfStopped(context);
        }
        const previous = config.mix_previous && k > 0 && !hasPairs ? [iterationPaths(folder, k - 1).pairs] : [];
        const stage: OptimizeStage = {
          settings: forIteration(config, k),
          model: config.start_from === "base" ? base : model,
          pairs: hasPairs ? "data" : [paths.pairs, ...previous],
          paths,
          dtype: "F32",
        };
        await during(context, { stage: "optimize", iteration: k }, () => optimizeStage(context, stage));
      }
    }
    // What an earlier process made is read, not believed.
    await withAdvice(openModelFolder(paths.model), `delete ${paths.model} to train it again`);
    await dropState(paths);
    model = paths.model;
    throwIfStopped(context);
    await evaluate(k, model, paths.evaluation);
    summary = await summarize(k);
  }
  await handOut(context, model);
  await writeReport(folder);
  return summary;
}

/** Whether the data has chosen and rejected answers already (`dpo`), so that none are generated. */
export async function givesPairs(context: Pick<RunContext, "config" | "sources">): Promise<boolean> {
  const { config } = context;
  if (config.method !== "dpo") return false;
  const { shuffle: _, ...reading } = readingOf(context, { settings: config });
  const { rows: [first] } = await readRows(config.data.train!, { ...reading, limit: 1 });
  return first!.kind === "text_pair" || first!.kind === "chat_pair" || first!.kind === "ids_pair";
}

/** Saves the last iteration's model as OUTPUT_DIR/model, in the source's storage type or the one asked for. */
async function handOut({ config, device, sources }: RunContext, dir: string): Promise<void> {
  const source = await withChatTemplate(await openModelFolder(await sources.model(config.model!)), config.data);
  const model = await loadModel(device, dir);
  try {
    const { model: target } = runPaths(config.output_dir);
    await saveModel(target, { ...model, folder: source }, dtypeOfName(config.dtype) ?? source.dtype);
  } finally {
    model.weights.free();
  }
}
