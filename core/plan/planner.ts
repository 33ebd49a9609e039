/** Plans the steps of a run one after the other: each is rehearsed, and its work counted. @module */
import type { Device } from "../../kernels/device/device.ts";
import { openAdapterFolder } from "../checkpoint/adapter_folder.ts";
import { type ModelFolder, openModelFolder } from "../checkpoint/model_folder.ts";
import type { IterationConfig } from "../config/config.ts";
import { sourceName } from "../data/formats/data_sources.ts";
import { responseRoom } from "../generate/response_room.ts";
import { planFirst } from "../loop/first_adapter.ts";
import {
  evaluatesSteps,
  type EvaluateStep,
  type GenerateStep,
  type LabelStep,
  type ModelRef,
  type OptimizeStep,
  type Step,
} from "../loop/schedule.ts";
import type { AdapterPlan } from "../model/adapter_plan.ts";
import { planTargets } from "../model/adapter_targets.ts";
import { elementsOf } from "../model/families/model_tensors.ts";
import type { ExampleIds, PairIds } from "../model/pack.ts";
import { checkTrainable } from "../model/trainable_weights.ts";
import type { RunSources } from "../run/run_sources.ts";
import { LOSSES } from "../train/losses/losses.ts";
import { noiseShape, noiseTensors } from "../train/noise_generator.ts";
import { orderSteps } from "../train/step_batches.ts";
import { chosenExample, exampleRows, pairRows, type TrainingRows } from "../train/training_rows.ts";
import { advise, adviseSampling } from "./advice.ts";
import { type ModelCost, modelCost } from "./flops.ts";
import { planExamples, planHeldOut, type PlannedRows, planPairs } from "./plan_rows.ts";
import type { RunPlan } from "./plan_types.ts";
import type { RankSettings } from "./rank_settings.ts";
import type { PlannedTraining } from "./ranks_plan.ts";
import type { Rehearsing } from "./rehearse.ts";
import { summarize } from "./row_lengths.ts";
import { type KnownSteps, StagePlans } from "./stage_plans.ts";
import { addWork, countOf, generateWork, optimizeWork, type PlannedRow, scoreWork } from "./step_work.ts";
import { uncountedWork } from "./uncounted_work.ts";

/** What a planner works with. */
export interface PlannerOptions {
  device: Device;
  /** Bytes of its memory. */
  memory: number;
  sources: RunSources;
  /** The config's model; models that the run makes have the same shape. */
  folder: ModelFolder;
  /** Whether settings that fit are looked for where something does not, and all of a step is recorded (default true). */
  isThorough?: boolean;
  /** What plans of the same rows have found, and find now. */
  shared?: SharedPlans;
  /** The ranks that train together (default: one, whose steps are not cut). */
  ranks?: RankSettings;
}

/** What plans of the same rows under other settings share. */
export interface SharedPlans {
  /** Rows that were read, by kind. */
  rows: Map<string, readonly PlannedRow[]>;
  /** Steps that were rehearsed. */
  known: KnownSteps;
}

/** Rows to train on: with the longest possible responses, and with responses of likely lengths. */
interface Rows {
  most: TrainingRows;
  likely: readonly PlannedRow[];
}

/** Plans the steps of a run and keeps what they take. */
export class Planner {
  /** A description of the rows to train on. */
  data: RunPlan["data"] | undefined;
  /** Optimizer steps of the first iteration. */
  steps = 0;
  /** Whether labeling may leave less to train on, so that there are fewer steps. */
  stepsAreAtMost = false;
  /** Parameters of the noise generator; 0 without noise. */
  noiseParameters = 0;
  /** The first training, but for what a rehearsal finds. */
  training: Omit<PlannedTraining, "trained"> | undefined;
  /** Tokens of a micro-batch, on average. */
  batchTokens = 1;
  /** Work of the run that is in no stage's numbers, a line each. */
  readonly uncounted = new Set<string>();
  readonly stages: StagePlans;
  readonly #options: PlannerOptions;
  readonly #cost: ModelCost;
  readonly #read: SharedPlans["rows"];

  constructor(options: PlannerOptions) {
    this.#options = options;
    this.#cost = modelCost(options.folder.config);
    this.#read = options.shared?.rows ?? new Map();
    this.stages = new StagePlans(options.device, {
      memory: options.memory,
      known: options.shared?.known ?? new Map(),
      recorded: options.isThorough ?? true ? "all" : "few",
    });
  }

  /** Plans a step. Throws a UserError if its rows cannot be read. */
  async plan(step: Step): Promise<void> {
    switch (step.stage) {
      case "generate":
        return await this.#generateStep(step);
      case "label":
        return await this.#labelStep(step);
      case "optimize":
        return await this.#optimizeStep(step);
      case "evaluate":
        return await this.#evaluateStep(step);
      case "benchmark":
        this.uncounted.add(
          `benchmark: ${[step.evaluate.tasks].flat().join(", ")}, at the start and after each iteration`,
        );
    }
  }

  async #generateStep({ settings, model }: GenerateStep): Promise<void> {
    const examples = await this.#examples(settings);
    const plan = await this.#adapterOf(model, settings);
    if (settings.generation.server === undefined) await this.#generate("generate", { settings, examples, plan });
    for (const line of uncountedWork(settings)) this.uncounted.add(line);
  }

  /** Plans a label step. Only the judge `logprob` is counted, which scores both answers. */
  async #labelStep({ settings }: LabelStep): Promise<void> {
    const { labels } = settings;
    if (labels.judge !== "logprob") return;
    const examples = await this.#examples(settings);
    const judge = await openModelFolder(
      await this.#options.sources.filesIn(await this.#options.sources.model(labels.model!)),
    );
    const generated = longestResponses(examples, settings);
    const rows = examples.flatMap((row, i) => [row, { ...row, responseIds: generated[i]! }]);
    await this.stages.add("label", {
      key: JSON.stringify(labels),
      rehearse: (stages) => stages.score(judge, { rows, label: "judge" }),
      work: scoreWork(modelCost(judge.config), examples.flatMap((row) => [row, row])),
    });
  }

  async #optimizeStep(step: OptimizeStep): Promise<void> {
    const { settings } = step;
    const { noise, training } = settings;
    const { device, folder, sources, isThorough = true, ranks } = this.#options;
    if (settings.lora === undefined) checkTrainable(folder);
    const { most, likely } = await this.#rowsOf(step);
    const own = await this.#adapterOf(step.model, settings);
    const fresh = own === null && settings.lora ? await planFirst(sources, folder.config, settings.lora) : null;
    const adapter = { plan: settings.lora ? own ?? fresh : null, goesOn: own !== null };
    const adapted = adapter.plan?.modules.reduce((sum, { down, up }) => sum + elementsOf(down) + elementsOf(up), 0);
    if (noise !== "none") {
      const count = noiseTensors(noiseShape(folder.config, noise)).reduce((sum, shape) => sum + elementsOf(shape), 0);
      this.noiseParameters = Math.max(this.noiseParameters, count);
    }
    const heldOut = evaluatesSteps(settings) ? await this.#heldOut(settings) : [];
    const work = { rows: most, settings, ...adapter, heldOut, ...(ranks && { ranks }) };
    this.training ??= { rows: rowsLike(most, likely), settings };
    const { steps, stepsPerEpoch } = orderSteps(most, settings);
    if (this.steps === 0) {
      this.steps = steps;
      this.stepsAreAtMost = typeof step.rows === "object" && "files" in step.rows && training.max_steps <= 0;
    }
    await this.stages.add("optimize", {
      // Neither the learning rate nor beta matters, which differ between iterations.
      key: JSON.stringify([
        { ...training, learning_rate: null, beta: null },
        noise,
        settings.quantization,
        most.length,
        adapter.goesOn,
      ]),
      rehearse: (stages) => stages.optimize(folder, work),
      work: addWork(
        optimizeWork(this.#cost, {
          rows: likely,
          settings,
          epochs: steps / stepsPerEpoch,
          adapted: adapted ?? null,
        }),
        // Pairs are scored by the reference too.
        scoreWork(this.#cost, heldOut),
        heldOut.length === 0
          ? 0
          : Math.floor(steps / training.eval_steps!) + (heldOut.some((row) => "chosenIds" in row) ? 1 : 0),
      ),
      ...(isThorough &&
        { advise: (memory) => advise({ device, memory, folder, ...work }) }),
    });
    const size = Math.min(training.per_device_train_batch_size, likely.length);
    this.batchTokens = Math.ceil(countOf(likely).tokens / likely.length * size);
  }

  /**
   * Plans an evaluate step: held-out rows are scored, and for a verifier two answers to each are generated. What pairs are
   * compared with is what the model at the start is found to say.
   */
  async #evaluateStep({ settings, model }: EvaluateStep): Promise<void> {
    const { folder } = this.#options;
    const plan = await this.#adapterOf(model, settings);
    const rows = await this.#heldOut(settings);
    await this.stages.add("evaluate", {
      key: JSON.stringify(["score", plan !== null, settings.quantization]),
      rehearse: (stages) => stages.score(folder, { rows, plan, ...settings }),
      work: scoreWork(this.#cost, rows),
    });
    if (settings.labels.verifier === undefined) return;
    const examples = rows.map((row) => "chosenIds" in row ? chosenExample(row) : row);
    for (let i = 0; i < 2; i++) await this.#generate("evaluate", { settings, examples, plan });
  }

  /** The held-out rows. */
  async #heldOut(settings: IterationConfig): Promise<readonly PlannedRow[]> {
    const source = settings.data.eval!;
    return await this.#once("eval", async () => (await planHeldOut({ ...this.#options, source, settings })).rows);
  }

  /** The adapters that a model of the run has, or that the config's has; null if it has none. */
  async #adapterOf(model: ModelRef, { lora }: IterationConfig): Promise<AdapterPlan | null> {
    const { sources, folder: { files, config } } = this.#options;
    if (files.adapter) return planTargets(config, (await openAdapterFolder(files.adapter)).settings, files.name);
    return lora && "folder" in model ? await planFirst(sources, config, lora) : null;
  }

  async #generate(
    stage: "generate" | "evaluate",
    { settings, examples, plan }: {
      settings: IterationConfig;
      examples: readonly ExampleIds[];
      plan: AdapterPlan | null;
    },
  ): Promise<void> {
    const { generation, data } = settings;
    const { device, folder, isThorough = true } = this.#options;
    const prompts = examples.map(({ example, promptIds }) => ({
      row: example,
      promptIds,
      maxNewTokens: responseRoom(promptIds.length, { generation, maxLength: data.max_length }),
    }));
    const lengths = examples.map(({ responseIds }, i) => Math.min(responseIds.length, prompts[i]!.maxNewTokens));
    const likelyTokens = Math.ceil(lengths.reduce((a, b) => a + b, 0) / lengths.length);
    const rehearse = (stages: Rehearsing, settings: IterationConfig) =>
      stages.generate(folder, { prompts, settings, likelyTokens, plan });
    const { batch_size, kv_cache_dtype } = generation;
    await this.stages.add(stage, {
      key: JSON.stringify([
        prompts.length,
        likelyTokens,
        plan !== null,
        settings.quantization,
        batch_size,
        kv_cache_dtype,
      ]),
      rehearse: (stages) => rehearse(stages, settings),
      work: generateWork(this.#cost, { prompts: prompts.map(({ promptIds }) => promptIds), lengths }),
      isPart: stage === "evaluate",
      ...(isThorough && { advise: (memory) => adviseSampling(settings, { device, memory, rehearse }) }),
    });
  }

  async #rowsOf({ settings, rows }: OptimizeStep): Promise<Rows> {
    const takesPairs = LOSSES[settings.training.loss_type].rows === "pairs";
    if (rows !== "data" && "files" in rows) {
      const { most, likely } = madePairs(await this.#examples(settings), { settings, times: rows.files.length });
      if (takesPairs) return { most: pairRows(most), likely };
      return { most: exampleRows(most.map(longerExample)), likely: likely.map(chosenExample) };
    }
    if (!takesPairs && rows === "data") {
      const likely = await this.#examples(settings);
      return { most: exampleRows(likely), likely };
    }
    const source = rows === "data" ? settings.data.train! : rows.name;
    const planned = () => planPairs({ ...this.#options, source, settings, ofData: rows === "data" });
    const likely = await this.#once("pairs", async () => this.#describe(sourceName(source), await planned()));
    if (takesPairs) return { most: pairRows(likely), likely };
    const chosen = likely.map(chosenExample);
    return { most: exampleRows(chosen), likely: chosen };
  }

  /** The rows of `data.train` as prompts with one answer, which for `sft` may span all turns of a conversation. */
  #examples(settings: IterationConfig): Promise<readonly ExampleIds[]> {
    const { data, method } = settings;
    const allTurns = method === "sft" && (data.assistant_only_loss ?? false);
    return this.#once("examples", async () => {
      const source = data.train!;
      const planned = await planExamples({ ...this.#options, source, settings, allTurns });
      return this.#describe(sourceName(source), planned);
    });
  }

  async #once<T extends PlannedRow>(key: string, read: () => Promise<readonly T[]>): Promise<readonly T[]> {
    const rows = this.#read.get(key) as readonly T[] | undefined ?? await read();
    this.#read.set(key, rows);
    return rows;
  }

  /** Keeps a description of the rows, and returns them. */
  #describe<T extends PlannedRow>(
    path: string,
    { rows, read, tokenized, report, malformed }: PlannedRows<T>,
  ): readonly T[] {
    const mean = (length: (row: T) => number): number => rows.reduce((sum, row) => sum + length(row), 0) / rows.length;
    this.data = {
      path,
      rows: read,
      tokenized,
      kept: rows.length,
      promptTokens: mean((row) => row.promptIds.length),
      responseTokens: mean((row) =>
        "chosenIds" in row ? (row.chosenIds.length + row.rejectedIds.length) / 2 : row.responseIds.length
      ),
      rowTokens: summarize(rows.map((row) =>
        row.promptIds.length +
        ("chosenIds" in row ? Math.max(row.chosenIds.length, row.rejectedIds.length) : row.responseIds.length)
      )),
      malformed,
      dropped: report.promptTooLong + report.emptyResponse,
      cut: report.cut,
    };
    return rows;
  }
}

/** Rows of the kind of others. */
function rowsLike({ kind }: TrainingRows, rows: readonly PlannedRow[]): TrainingRows {
  return kind === "pairs" ? pairRows(rows as readonly PairIds[]) : exampleRows(rows as readonly ExampleIds[]);
}

/** Responses as long as the settings allow. */
function longestResponses(
  examples: readonly ExampleIds[],
  { generation, data: { max_length: maxLength } }: IterationConfig,
): number[][] {
  const filler: number[] = Array(generation.max_new_tokens).fill(0);
  return examples.map(({ promptIds }) => filler.slice(0, responseRoom(promptIds.length, { generation, maxLength })));
}

/** The longer answer, since which of them will be chosen is not known yet. */
function longerExample({ example, promptIds, chosenIds, rejectedIds }: PairIds): ExampleIds {
  return { example, promptIds, responseIds: chosenIds.length < rejectedIds.length ? rejectedIds : chosenIds };
}

/** The pairs that a run makes, `times` over. Likely responses are as long as the human ones. */
function madePairs(
  examples: readonly ExampleIds[],
  { settings, times }: { settings: IterationConfig; times: number },
): { most: PairIds[]; likely: PairIds[] } {
  const longest = longestResponses(examples, settings);
  const pairs = (rejected: (i: number) => readonly number[]): PairIds[] =>
    Array.from({ length: times }, (_, t) =>
      examples.map(({ example, promptIds, responseIds }, i) => ({
        example: example + t * examples.length,
        promptIds,
        chosenIds: responseIds,
        rejectedIds: rejected(i),
      }))).flat();
  return {
    most: pairs((i) => longest[i]!),
    likely: pairs((i) => examples[i]!.responseIds.slice(0, longest[i]!.length)),
  };
}
