/** The whole loop: generate, label, optimize, evaluate, iteration by iteration. @module */
import { join } from "node:path";
import { writeFileAtomic } from "../checkpoint/atomic.ts";
import { openModelFolder } from "../checkpoint/folder.ts";
import { exists } from "../checkpoint/io.ts";
import { forIteration, forSft, requireFor, type ResolvedConfig } from "../config/mod.ts";
import { readRows } from "../data/rows.ts";
import { loadModel, saveModel } from "../model/model.ts";
import { writeReport } from "../report/report.ts";
import { withChatTemplate } from "./chat_template.ts";
import { type RunContext, type RunHooks, throwIfStopped, withRun } from "./context.ts";
import { readingOf } from "./data.ts";
import { storageType } from "./dtype.ts";
import { evaluateStage, type Evaluation } from "./evaluate_stage.ts";
import { generateStage } from "./generate_stage.ts";
import { labelStage } from "./label_stage.ts";
import { dropState, optimizeStage } from "./optimize_stage.ts";
import { iterationPaths, runPaths } from "./paths.ts";
import { fixSettings } from "./settings.ts";
import { type IterationSummary, type RunSummary, summarizeRun } from "./summary.ts";

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
  return await withRun(config, hooks, async (context) => {
    await fixSettings(config);
    return await runIterations(context, hooks);
  });
}

async function runIterations(context: RunContext, { onIteration }: TrainHooks): Promise<RunSummary> {
  const { config } = context;
  const { output_dir: folder } = config;
  const evaluations = new Map<number, Evaluation>();
  const evaluate = async (iteration: number, dir: string, path: string): Promise<void> => {
    const evaluation = await evaluateStage(context, { iteration, dir, path });
    if (evaluation) evaluations.set(iteration, evaluation);
  };
  const summarize = async (last: number): Promise<RunSummary> => {
    const summary = await summarizeRun(folder, { evaluations, last });
    await writeFileAtomic(runPaths(folder).summary, JSON.stringify(summary, null, 2) + "\n");
    onIteration?.(summary.iterations.at(-1)!);
    return summary;
  };

  await evaluate(-1, config.model!, join(folder, "evaluation.json"));
  let summary = await summarize(-1);
  let model = config.model!;
  const hasPairs = await givesPairs(config);
  for (let k = 0; k < config.iterations; k++) {
    const paths = iterationPaths(folder, k);
    if (!await exists(paths.model)) {
      if (config.method === "sft") {
        const settings = { ...forSft(config), iteration: k };
        await optimizeStage(context, { settings, model, pairs: [], paths, dtype: "F32" });
      } else {
        if (!hasPairs) {
          await generateStage(context, { iteration: k, model, paths });
          throwIfStopped(context);
          if (!await exists(paths.pairs)) await labelStage(context, { iteration: k, model, paths });
          throwIfStopped(context);
        }
        const previous = config.mix_previous && k > 0 && !hasPairs ? [iterationPaths(folder, k - 1).pairs] : [];
        await optimizeStage(context, {
          settings: forIteration(config, k),
          model: config.start_from === "base" ? config.model! : model,
          pairs: hasPairs ? "data" : [paths.pairs, ...previous],
          paths,
          dtype: "F32",
        });
      }
    }
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
async function givesPairs(config: ResolvedConfig): Promise<boolean> {
  if (config.method !== "dpo") return false;
  const { shuffle: _, ...reading } = readingOf(config);
  const { rows: [first] } = await readRows(config.data.train!, { ...reading, limit: 1 });
  return first!.kind === "text_pair" || first!.kind === "chat_pair" || first!.kind === "ids_pair";
}

/** Saves the last iteration's model as OUTPUT_DIR/model, in the source's storage type or the one asked for. */
async function handOut({ config, device }: RunContext, dir: string): Promise<void> {
  const source = await withChatTemplate(await openModelFolder(config.model!), config.data);
  const model = await loadModel(device, dir);
  try {
    const { model: target } = runPaths(config.output_dir);
    await saveModel(target, { ...model, folder: source }, storageType(config.dtype) ?? source.dtype);
  } finally {
    model.weights.free();
  }
}
