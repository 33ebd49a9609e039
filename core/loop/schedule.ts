/**
 * A run's work as data: its steps in their order, each with what it reads and writes. `train` runs them, `dnpo plan`
 * counts them, and what they need is downloaded and checked before the first. @module
 */
import type { EvaluateConfig } from "../config/config_types.ts";
import { forIteration, forSft, type IterationConfig, judgeModels, type ResolvedConfig } from "../config/config.ts";
import { exists } from "../files/io.ts";
import { iterationPaths, runPaths, type StagePaths, stagePaths } from "../run/run_paths.ts";
import type { Need } from "../run/run_sources.ts";

/** A model: one that the config names, or the one that an iteration of the run makes, in `folder`. */
export type ModelRef = { readonly name: string } | { readonly folder: string };

/** Rows to train on: those of `data.train`, pairs that the config names, or the ones in files that the run makes. */
export type RowsRef = "data" | { readonly name: string } | { readonly files: readonly string[] };

interface StepOf<Stage extends string> {
  readonly stage: Stage;
  readonly settings: IterationConfig;
  readonly paths: StagePaths;
}

/** The model answers every prompt of `data.train`: reads it, writes the responses. */
export interface GenerateStep extends StepOf<"generate"> {
  readonly model: ModelRef;
}

/** A judge decides which answer is the better one: reads the responses, writes the pairs. */
export interface LabelStep extends StepOf<"label"> {
  /** The model that answered; null if the config names none. */
  readonly model: ModelRef | null;
}

/** The model is trained: reads rows, writes a model. */
export interface OptimizeStep extends StepOf<"optimize"> {
  /** The model that training starts from, which is the reference too. */
  readonly model: ModelRef;
  readonly rows: RowsRef;
  /** Whether the weights stay float32; otherwise they are saved as the config's `dtype`, or as the source has them. */
  readonly keepsFloat32: boolean;
  /** The file in which the noise generator is saved; null if it is not saved. */
  readonly noise: string | null;
  /** Folders that the step writes: of the model, or of the adapter and the model that it is merged into. */
  readonly makes: { readonly model: string | null; readonly adapter: string | null };
}

/** The model is measured on held-out rows: reads `data.eval`, writes the evaluation. */
export interface EvaluateStep extends StepOf<"evaluate"> {
  /** −1 is the start. */
  readonly iteration: number;
  readonly model: ModelRef;
}

/** The model is asked benchmarks: reads what `evaluate` names, writes results and their numbers. */
export interface BenchmarkStep extends StepOf<"benchmark"> {
  /** −1 is the start. */
  readonly iteration: number;
  readonly model: ModelRef;
  readonly evaluate: EvaluateConfig;
}

/** One piece of a run's work. */
export type Step = GenerateStep | LabelStep | OptimizeStep | EvaluateStep | BenchmarkStep;

/** The steps of an iteration; −1 is the start. */
export interface Round {
  readonly iteration: number;
  readonly steps: readonly Step[];
}

/**
 * The steps of `train`. `hasPairs` says whether the rows of `data.train` have a chosen and a rejected answer already,
 * so that `dpo` generates none.
 */
export function trainSchedule(config: ResolvedConfig, { hasPairs }: { hasPairs: boolean }): Round[] {
  const { output_dir: folder, method } = config;
  const base: ModelRef = { name: config.model! };
  const isSft = method === "sft";
  const generates = !isSft && !hasPairs;
  const rounds: Round[] = [{ iteration: -1, steps: evaluateSteps(config, { iteration: -1, model: base }) }];
  let model: ModelRef = base;
  for (let k = 0; k < config.iterations; k++) {
    const paths = iterationPaths(folder, k);
    const settings = isSft ? { ...forSft(config), iteration: k } : forIteration(config, k);
    const previous = config.mix_previous && k > 0 ? [iterationPaths(folder, k - 1).pairs] : [];
    const answers: Step[] = generates
      ? [{ stage: "generate", settings, paths, model }, { stage: "label", settings, paths, model }]
      : [];
    const optimize: OptimizeStep = {
      stage: "optimize",
      settings,
      paths,
      model: config.start_from === "base" && !isSft ? base : model,
      rows: generates ? { files: [paths.pairs, ...previous] } : "data",
      keepsFloat32: true,
      noise: null,
      // Iterations go on with the adapter; what is handed out at the end is made of the last one.
      makes: settings.lora ? { model: null, adapter: paths.adapter } : { model: paths.model, adapter: null },
    };
    model = { folder: settings.lora ? paths.adapter : paths.model };
    rounds.push({ iteration: k, steps: [...answers, optimize, ...evaluateSteps(config, { iteration: k, model })] });
  }
  return rounds;
}

function evaluateSteps(
  config: ResolvedConfig,
  { iteration, model }: { iteration: number; model: ModelRef },
): (EvaluateStep | BenchmarkStep)[] {
  const { output_dir: folder, data, evaluate } = config;
  const paths = iteration < 0 ? stagePaths(folder) : iterationPaths(folder, iteration);
  const shared = { iteration, settings: forIteration(config, Math.max(0, iteration)), paths, model };
  return [
    ...(data.eval === undefined ? [] : [{ stage: "evaluate" as const, ...shared }]),
    ...(evaluate === undefined ? [] : [{ stage: "benchmark" as const, ...shared, evaluate }]),
  ];
}

/** The one step of `dnpo generate`. */
export async function generateStep(config: ResolvedConfig): Promise<GenerateStep> {
  return { stage: "generate", ...inIteration(config), model: (await policyOf(config))! };
}

/** The one step of `dnpo label`. */
export async function labelStep(config: ResolvedConfig): Promise<LabelStep> {
  return { stage: "label", ...inIteration(config), model: await policyOf(config) };
}

/** The one step of `dnpo optimize`, or with `method` sft of `dnpo sft`: it writes a model into the run's folder. */
export function optimizeStep(config: ResolvedConfig, method: "sft" | "pairs"): OptimizeStep {
  const { output_dir: folder } = config;
  return {
    makes: handedOut(config),
    stage: "optimize",
    settings: method === "sft" ? forSft(config) : forIteration(config, config.iteration),
    paths: stagePaths(folder),
    model: { name: config.model! },
    rows: method === "sft" ? "data" : { name: config.pairs! },
    keepsFloat32: false,
    noise: method === "sft" ? null : runPaths(folder).noise,
  };
}

/** The folders in which a config's model or adapter is handed out. */
export function handedOut({ output_dir: folder, lora }: ResolvedConfig): OptimizeStep["makes"] {
  const { model, adapter } = runPaths(folder);
  return {
    model: lora?.save === "adapter" ? null : model,
    adapter: lora === undefined || lora.save === "merged" ? null : adapter,
  };
}

function inIteration(config: ResolvedConfig): Pick<GenerateStep, "settings" | "paths"> {
  const { iteration, output_dir: folder } = config;
  return { settings: forIteration(config, iteration), paths: iterationPaths(folder, iteration) };
}

/** The model that answers: that of the iteration before if it is there, otherwise the config's; null if it has none. */
async function policyOf({ model, output_dir: folder, iteration }: ResolvedConfig): Promise<ModelRef | null> {
  const before = iterationPaths(folder, iteration - 1);
  if (iteration > 0) {
    for (const made of [before.model, before.adapter]) if (await exists(made)) return { folder: made };
  }
  return model === undefined ? null : { name: model };
}

/** Whether a training evaluates held-out rows between its steps. */
export function evaluatesSteps({ training, data }: Pick<IterationConfig, "training" | "data">): boolean {
  return training.eval_steps !== undefined && data.eval !== undefined;
}

/** The models and data sets that steps read, in the order in which they are looked up. */
export function needsOf(steps: readonly Step[]): Need[] {
  const needs: Need[] = [];
  const of = <S extends Step["stage"]>(stage: S): Extract<Step, { stage: S }>[] =>
    steps.filter((step): step is Extract<Step, { stage: S }> => step.stage === stage);
  for (const { model } of steps) {
    if (model !== null && "name" in model) needs.push({ kind: "model", name: model.name });
  }
  for (const { rows, settings: { lora } } of of("optimize")) {
    const init = lora?.init_lora_weights ?? true;
    if (init !== true && init !== "gaussian") needs.push({ kind: "adapter", name: init });
    if (rows !== "data" && "name" in rows) needs.push({ kind: "data", source: rows.name });
  }
  const readers = [...of("generate"), ...of("optimize").filter(({ rows }) => rows === "data")];
  for (const { settings } of readers) needs.push({ kind: "data", source: settings.data.train! });
  const evaluating = [...of("evaluate"), ...of("optimize").filter(({ settings }) => evaluatesSteps(settings))];
  for (const { settings } of evaluating) needs.push({ kind: "eval", source: settings.data.eval! });
  for (const { settings } of of("label")) {
    for (const name of judgeModels(settings.labels)) needs.push({ kind: "model", name, isJudge: true });
  }
  return needs;
}
