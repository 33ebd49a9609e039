/** Runs stages on a device that only counts: how much memory they hold at most, and how much they record. @module */
import { Commands } from "../../kernels/device/commands.ts";
import type { Device } from "../../kernels/device/device.ts";
import type { MatmulPrecision } from "../../kernels/device/precision.ts";
import { type PartBytes, Rehearsal } from "../../kernels/device/rehearsal.ts";
import type { ModelFolder } from "../checkpoint/model_folder.ts";
import { ownShare } from "../cluster/dealt_batches.ts";
import type { IterationConfig, Quantization } from "../config/config_types.ts";
import { checkPrecision } from "../device/check_precision.ts";
import { BatchGenerator, type GenerationPrompt } from "../generate/batch_generator.ts";
import type { AdapterPlan } from "../model/adapter_plan.ts";
import type { BatchCapacity } from "../model/device_batch.ts";
import { allocFrozen, allocLoadScratch } from "../model/load_frozen.ts";
import { allocAdapter, type LoadedAdapter } from "../model/lora_adapter.ts";
import { type AnyModel, freeModel } from "../model/model.ts";
import type { ExampleIds, PairIds } from "../model/pack.ts";
import { ParameterBuffers } from "../model/parameter_buffers.ts";
import { type ParameterLayout, trainedPart } from "../model/parameter_layout.ts";
import { parametersOf } from "../model/parameters.ts";
import { layoutLimits, planDecoder } from "../model/plan_decoder.ts";
import { pairLogps, responseLogps } from "../model/row_logps.ts";
import type { Scorer } from "../model/scorer.ts";
import { LOSSES } from "../train/losses/losses.ts";
import { noiseShape, planNoise } from "../train/noise_generator.ts";
import { SCORED_TOKENS } from "../train/row_trainer.ts";
import { orderSteps, planCapacity, usedRows } from "../train/step_batches.ts";
import type { StepOrder } from "../train/step_order.ts";
import { MAX_UNREAD, type Reference, Trainer } from "../train/trainer.ts";
import { longestRow, type PairRows, type TrainingRows } from "../train/training_rows.ts";
import { largest } from "../values.ts";
import { countMicroBatches, firstMicroBatches, heaviestBatch } from "./heaviest_batch.ts";
import { type RankSettings, rankSettings } from "./rank_settings.ts";
import { rehearsedTransport } from "./rehearsed_transport.ts";
import { largestPart, type TrainedChunks } from "./trained_chunks.ts";

/** What a stage holds and records. */
export interface Rehearsed {
  /** Peak of live bytes. */
  bytes: number;
  parts: PartBytes;
  /** Dispatches of the whole stage. */
  dispatches: number;
  /** How often the stage waits for the device. */
  fences: number;
  /** The numbers that it trains, if it does. */
  trained?: TrainedChunks;
}

/** What the work of a stage comes to, besides memory. */
type Counted = Pick<Rehearsed, "dispatches" | "fences" | "trained">;

/** Optimizer steps that are searched for the largest batch; further steps are taken to be like them. */
const MOST_STEPS = 2000;
/** Rows whose scoring is recorded; further rows are taken to be like them. */
const MOST_SCORED = 512;
/** How much of a stage is recorded; what follows is taken to be like it. */
const RECORDED = {
  /** Batches of the reference, and micro-batches of a step. */
  all: { batches: 512, micro: Infinity },
  // What is left out is scratch of products of other sizes: far less than a thousandth of a large model's memory.
  few: { batches: 32, micro: 4 },
};
const TOKENS_PER_FENCE = 16;

/** Ends scoring whose further batches would tell nothing new. */
class Enough extends Error {}

/** What an adapter's folder says, which does not matter here. */
const NO_PEFT: LoadedAdapter["peft"] = {
  settings: {
    r: 1,
    lora_alpha: 1,
    lora_dropout: 0,
    use_rslora: false,
    target_modules: "all-linear",
    rank_pattern: {},
    alpha_pattern: {},
  },
  base: null,
  revision: null,
};

/** What an optimize stage trains on, and how. */
export interface OptimizeWork {
  rows: TrainingRows;
  settings: IterationConfig;
  /** The adapters that are trained; null if all weights are. */
  plan: AdapterPlan | null;
  /** Whether the model has them already, so that a frozen copy of them is the reference. */
  goesOn: boolean;
  /** Held-out rows that are evaluated between steps (default: none). */
  heldOut?: readonly (ExampleIds | PairIds)[];
  /** The ranks that train together (default: this process, by the shards of the settings). */
  ranks?: RankSettings;
}

/** Rehearses stages, each for itself. */
export class Rehearsing {
  readonly #device: Rehearsal;
  readonly #commands: Commands;
  readonly #recorded: typeof RECORDED.all;

  /** `real` is the device that the stages will run on; with `recorded: few` it takes less time. */
  constructor(real: Device, { recorded = "all" }: { recorded?: keyof typeof RECORDED } = {}) {
    this.#recorded = RECORDED[recorded];
    this.#device = new Rehearsal(real);
    this.#commands = new Commands(this.#device);
  }

  /** Rehearses scoring rows under a model. Throws DeviceError if the device is too small. */
  async score(
    folder: ModelFolder,
    { rows, label = "weights", plan = null, quantization = "none" }: {
      rows: readonly (ExampleIds | PairIds)[];
      label?: "weights" | "judge";
      quantization?: Quantization;
      plan?: AdapterPlan | null;
    },
  ): Promise<Rehearsed> {
    return await this.#stage(async () => {
      const model = this.#loadFrozen(folder, { part: label, plan, quantization });
      const scored = await this.#scored(model, rows);
      freeModel(model);
      return scored;
    });
  }

  /** Scores rows under a model that is there. */
  async #scored(
    model: Scorer,
    rows: readonly (ExampleIds | PairIds)[],
    batchTokens?: number,
  ): Promise<{ dispatches: number; fences: number }> {
    const part = rows.slice(0, MOST_SCORED);
    const before = this.#device.dispatches;
    let batches = 0;
    const options = { ...(batchTokens !== undefined && { batchTokens }), onDone: () => void batches++ };
    const pairs = part.filter((row) => "chosenIds" in row);
    const examples = part.filter((row) => "responseIds" in row);
    await pairLogps(this.#commands, model, { pairs, ...options });
    await responseLogps(this.#commands, model, { rows: examples, ...options });
    const scale = rows.length / Math.max(1, part.length);
    return { dispatches: (this.#device.dispatches - before) * scale, fences: batches * scale };
  }

  /**
   * Rehearses sampling responses. Dispatches and fences follow from `likelyTokens`, the tokens of a response; the
   * memory follows from the prompts' limits. Throws DeviceError if the device is too small.
   */
  async generate(
    folder: ModelFolder,
    { prompts, settings, likelyTokens, plan = null }: {
      plan?: AdapterPlan | null;
      prompts: readonly GenerationPrompt[];
      settings: IterationConfig;
      likelyTokens: number;
    },
  ): Promise<Rehearsed> {
    return await this.#stage(async () => {
      const model = this.#loadFrozen(folder, { part: "weights", plan, ...settings });
      const generator = new BatchGenerator(this.#commands, model, {
        prompts,
        settings: settings.generation,
        iteration: 0,
        eosIds: folder.eosTokenIds,
        tokensPerFence: TOKENS_PER_FENCE,
      });
      const start = this.#device.dispatches;
      // This device reads as zero, so that no response ever ends.
      await generator.advance();
      const first = this.#device.dispatches;
      await generator.advance();
      const second = this.#device.dispatches;
      generator.free();
      freeModel(model);
      const most = largest(prompts, (prompt) => prompt.maxNewTokens);
      const waves = Math.ceil(prompts.length / Math.min(settings.generation.batch_size, prompts.length));
      const fences = waves * Math.ceil(likelyTokens / TOKENS_PER_FENCE);
      const perToken = most > TOKENS_PER_FENCE
        ? (second - first) / Math.min(TOKENS_PER_FENCE, most - TOKENS_PER_FENCE)
        : (first - start) / (most + 1);
      const prefill = first - start - perToken * Math.min(TOKENS_PER_FENCE, most);
      return { dispatches: waves * (prefill + perToken * Math.min(likelyTokens, most)), fences };
    });
  }

  /** Rehearses the optimizer steps over `rows`. Throws DeviceError if the device is too small. */
  async optimize(
    folder: ModelFolder,
    { rows, settings, plan, goesOn, heldOut = [], ranks: { ranks, ...cut } = rankSettings(settings, 1) }: OptimizeWork,
  ): Promise<Rehearsed & { steps: number }> {
    const { training } = settings;
    const { precision } = training;
    checkPrecision(this.#device, precision);
    const size = training.per_device_train_batch_size;
    const order = orderSteps(rows, settings);
    const looked = { ...order, steps: Math.min(order.steps, MOST_STEPS) };
    const stage = await this.#stage(async () => {
      const model = plan ? this.#loadFrozen(folder, { part: "weights", plan, ...settings }) : this.#load(folder);
      const frozen = plan && goesOn ? allocAdapter(this.#device, plan, "reference") : null;
      const { noise } = settings;
      const isNoised = noise !== "none";
      const own = isNoised && !plan ? this.#loadFrozen(folder, { part: "reference" }).weights : null;
      const reference = isNoised ? parametersOf(own ?? model.weights, { adapter: frozen }) : null;
      const scorer: Scorer = plan ? { ...model, adapter: frozen } : model;
      const capacity = planCapacity(rows, {
        order: looked,
        size,
        device: this.#device,
        shuffle: training.shuffle,
        shards: cut.shards,
      });
      let fences = Math.ceil(order.steps / Math.min(training.logging_steps, MAX_UNREAD));
      let once = 0;
      const evaluations = heldOut.length === 0 ? 0 : Math.floor(order.steps / training.eval_steps!);
      if (heldOut.some((row) => "chosenIds" in row)) {
        const scored = await this.#scored(scorer, heldOut, SCORED_TOKENS);
        fences += scored.fences;
        once += scored.dispatches;
      }
      let known: Reference | undefined;
      if (LOSSES[training.loss_type].needsReference) {
        // A loss with a reference takes pairs.
        const scored = await this.#reference(scorer, rows as PairRows, {
          looked,
          capacity,
          isNoised,
          precision,
          ranks,
        });
        fences += scored.fences;
        once += scored.dispatches;
        const unknown = new Float32Array(rows.length);
        known = {
          logps: { chosen: unknown, rejected: unknown },
          ...(reference && { parameters: reference }),
        };
      }
      const trained = chunksOf(model, { noise, device: this.#device });
      const part = largestPart([...trained.isAdapter ? [] : trained.policy, ...trained.noise], ranks);
      const trainer = await Trainer.create(this.#commands, {
        model,
        ...(known && { reference: known }),
        // Initial values do not matter here.
        settings: { ...settings, noise: noise === "none" ? noise : { ...noise, init: "zeros" } },
        capacity,
        maxPositions: longestRow(rows),
        distribution: { ...cut, transport: ranks === 1 ? null : rehearsedTransport(part, ranks) },
      });
      const { batch, places } = heaviestBatch(rows, { order: looked, size, noise: isNoised, ranks, ...cut });
      const dispatchesOf = async (micro: number, step = 0): Promise<number> => {
        const start = this.#device.dispatches;
        await trainer.step(firstMicroBatches(batch, micro), { step, factor: 1 });
        await trainer.read();
        return this.#device.dispatches - start;
      };
      // What one process would record, of which a rank has a part.
      const { shards } = settings.distributed;
      const micro = countMicroBatches(rows, places, { shards, size });
      const held = batch.shards.flatMap(({ microBatches }) => microBatches).length;
      const recorded = Math.min(held, this.#recorded.micro);
      const all = await dispatchesOf(recorded);
      const perStep = micro === recorded ? all : all + (micro - recorded) * (all - await dispatchesOf(recorded - 1));
      const { stepsPerEpoch } = order;
      const later = Math.max(0, order.steps - stepsPerEpoch);
      // What is kept of the reference of rejected answers is kept in the first epoch.
      const keeping = isNoised && later > 0
        ? micro * (await dispatchesOf(1) - await dispatchesOf(1, stepsPerEpoch))
        : 0;
      if (evaluations > 0) {
        const scored = await this.#scored(model, heldOut, SCORED_TOKENS);
        fences += evaluations * scored.fences;
        once += evaluations * scored.dispatches;
      }
      trainer.free();
      freeModel(model);
      own?.free();
      frozen?.values.free();
      return { dispatches: once + perStep * order.steps - keeping * later, fences, trained };
    });
    return { ...stage, steps: order.steps };
  }

  /** Rehearses scoring the first rank's share under the reference before the first step; what it counts is of all rows. */
  async #reference(
    model: Scorer,
    { pairs: rows }: PairRows,
    { looked, capacity, isNoised, precision, ranks }: {
      looked: StepOrder;
      capacity: BatchCapacity;
      isNoised: boolean;
      precision: MatmulPrecision;
      ranks: number;
    },
  ): Promise<{ dispatches: number; fences: number }> {
    const used = usedRows(looked);
    const pairs = ownShare(used, { rank: 0, size: ranks }).map((i) => rows[i]!);
    const before = this.#device.dispatches;
    let [batches, seen] = [0, 0];
    const options = {
      batchTokens: Math.max(SCORED_TOKENS, capacity.tokens),
      precision,
      onDone: (done: number): void => {
        [batches, seen] = [batches + 1, done];
        // The buffers for all batches are there before the first.
        if (batches === this.#recorded.batches) throw new Enough();
      },
    };
    const score = async (): Promise<unknown> => {
      if (!isNoised) return await pairLogps(this.#commands, model, { ...options, pairs });
      const chosen = pairs.map(({ chosenIds, ...pair }) => ({ ...pair, responseIds: chosenIds }));
      return await responseLogps(this.#commands, model, { ...options, rows: chosen });
    };
    await score().catch((error) => {
      if (!(error instanceof Enough)) throw error;
    });
    const scale = used.length / Math.max(1, seen);
    return { dispatches: (this.#device.dispatches - before) * scale, fences: batches * scale };
  }

  /** A model whose weights are trained. */
  #load(folder: ModelFolder): AnyModel {
    const { config } = folder;
    const layout = planDecoder(config, layoutLimits(this.#device, config));
    const weights = new ParameterBuffers(this.#device, { layout, label: "weights", part: "weights" });
    return { folder, config, weights, adapter: null };
  }

  /** A model whose weights stay as they are. */
  #loadFrozen(
    folder: ModelFolder,
    { part, plan = null, quantization = "none" }: {
      part: "weights" | "reference" | "judge";
      plan?: AdapterPlan | null;
      quantization?: Quantization;
    },
  ): AnyModel {
    const { config } = folder;
    const adapter = plan && { ...allocAdapter(this.#device, plan), peft: NO_PEFT };
    const { groups, weights } = allocFrozen(this.#device, { config, source: folder, quantization, label: part, part });
    const scratch = allocLoadScratch(this.#device, groups, folder);
    if (scratch) [scratch.piece, scratch.bad].forEach((slice) => this.#device.free(slice));
    return { folder, config, weights, adapter };
  }

  async #stage(work: () => Promise<Counted>): Promise<Rehearsed> {
    this.#device.restart();
    const counted = await work();
    const parts = this.#device.peak;
    this.#commands.release();
    return { ...counted, parts, bytes: [...parts.values()].reduce((a, b) => a + b, 0) };
  }
}

/** The chunks that a training of this model updates. */
function chunksOf(
  { adapter, weights, config }: AnyModel,
  { noise, device }: { noise: IterationConfig["noise"]; device: Device },
): TrainedChunks {
  const elementsOf = ({ chunks }: ParameterLayout): number[] => chunks.map(({ elements }) => elements);
  const generator = noise === "none" ? null : planNoise(noiseShape(config, noise), layoutLimits(device, config));
  return {
    policy: elementsOf(trainedPart(adapter?.values.layout ?? (weights as ParameterBuffers).layout)),
    noise: generator ? elementsOf(generator) : [],
    isAdapter: adapter !== null,
  };
}
