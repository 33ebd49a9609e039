/** The stages of a run one after the other, each rehearsed and counted. @module */
import type { Device } from "../../kernels/device/device.ts";
import { DeviceError } from "../../kernels/device/device_error.ts";
import { type ModelFolder, openModelFolder } from "../checkpoint/model_folder.ts";
import { forIteration, forSft, type IterationConfig, judgeOf, type ResolvedConfig } from "../config/config.ts";
import { sourceName } from "../data/formats/data_sources.ts";
import { responseRoom } from "../generate/response_room.ts";
import { givesPairs } from "../loop/train_run.ts";
import type { ExampleIds, PairIds } from "../model/pack.ts";
import type { RunSources } from "../run/run_sources.ts";
import { exampleRows, pairRows, type TrainingRows } from "../train/training_rows.ts";
import { type Advice, advise } from "./advice.ts";
import type { Speed } from "./device_speed.ts";
import {
  addCounts,
  backwardFlop,
  countRow,
  forwardFlop,
  type ModelCost,
  modelCost,
  noiseFlop,
  type TokenCount,
} from "./flops.ts";
import { planExamples, type PlannedRows, planPairs } from "./plan_rows.ts";
import type { PlannedStage, RunPlan, StagePlan } from "./plan_types.ts";
import { type Rehearsed, Rehearsing } from "./rehearse.ts";
import { uncountedWork } from "./uncounted_work.ts";

/** A stage of one iteration. */
interface Entry {
  stage: PlannedStage;
  rehearsed: Rehearsed | null;
  problem?: string;
  tokens: number;
  forward: number;
  backward: number;
  decode: number;
}

/** Goes through the stages that the config asks for. */
export class Planner {
  data: RunPlan["data"] | undefined;
  steps = 0;
  hasNoise = false;
  /** Tokens of a micro-batch, on average. */
  batchTokens = 1;
  readonly advice: Advice[] = [];
  /** Work of the run that is in no stage's numbers, a line each. */
  readonly uncounted = new Set<string>();
  readonly #config: ResolvedConfig;
  readonly #device: Device;
  readonly #memory: number;
  readonly #sources: RunSources;
  readonly #folder: ModelFolder;
  readonly #alone: boolean;
  readonly #cost: ModelCost;
  readonly #entries: Entry[] = [];
  readonly #known = new Map<string, Rehearsed | DeviceError>();
  #rehearsing: Rehearsing;

  constructor(
    config: ResolvedConfig,
    { device, memory, sources, folder, alone }: {
      device: Device;
      memory: number;
      sources: RunSources;
      folder: ModelFolder;
      alone: boolean;
    },
  ) {
    this.#config = config;
    this.#device = device;
    this.#memory = memory;
    this.#sources = sources;
    this.#folder = folder;
    this.#alone = alone;
    this.#cost = modelCost(folder.config);
    this.#rehearsing = new Rehearsing(device);
  }

  async run(): Promise<void> {
    const config = this.#config;
    const folder = this.#folder;
    const sources = this.#sources;
    if (this.#alone) {
      const settings = forIteration(config, config.iteration);
      const path = config.pairs!;
      const pairs = this.#describe(path, await planPairs({ source: path, settings, folder, sources, ofData: false }));
      return await this.#optimize(settings, { most: pairRows(pairs), likely: pairs });
    }
    const first = forIteration(config, 0);
    const source = config.data.train!;
    const path = sourceName(source);
    const evaluated = config.data.eval === undefined ? null : await planExamples({
      source: config.data.eval,
      which: "eval",
      settings: first,
      folder,
      sources,
    });
    if (evaluated) await this.#evaluate(first, evaluated.rows);
    if (await givesPairs({ config, sources })) {
      const pairs = this.#describe(path, await planPairs({ source, settings: first, folder, sources, ofData: true }));
      for (let k = 0; k < config.iterations; k++) {
        await this.#optimize(forIteration(config, k), { most: pairRows(pairs), likely: pairs });
        if (evaluated) await this.#evaluate(forIteration(config, k), evaluated.rows);
      }
      return;
    }
    const planned = await planExamples({
      source,
      which: "train",
      settings: first,
      folder,
      sources,
      allTurns: config.method === "sft" && (config.data.assistant_only_loss ?? false),
    });
    const examples = this.#describe(path, planned);
    for (let k = 0; k < config.iterations; k++) {
      if (config.method === "sft") {
        await this.#optimize({ ...forSft(config), iteration: k }, {
          most: exampleRows(examples),
          likely: examples,
        });
      } else await this.#iterate(forIteration(config, k), examples);
      if (evaluated) await this.#evaluate(forIteration(config, k), evaluated.rows);
    }
  }

  /** Keeps what is worth telling of the rows, and returns them. */
  #describe<T extends ExampleIds | PairIds>(path: string, { rows, read, tokenized }: PlannedRows<T>): readonly T[] {
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
    };
    return rows;
  }

  /** Generate, label and optimize: responses may be as long as they can be, and are likely as long as the human ones. */
  async #iterate(settings: IterationConfig, examples: readonly ExampleIds[]): Promise<void> {
    const { generation, data: { max_length: maxLength } } = settings;
    const room = ({ promptIds }: ExampleIds): number => responseRoom(promptIds.length, { generation, maxLength });
    if (settings.generation.server === undefined) await this.#generate(settings, examples, "generate");
    for (const line of uncountedWork(settings)) this.uncounted.add(line);
    const filler: number[] = Array(settings.generation.max_new_tokens).fill(0);
    const generated = examples.map((row) => filler.slice(0, room(row)));
    const labels = judgeOf(settings.labels);
    if (labels.judge === "logprob") {
      const judge = await openModelFolder(await this.#sources.model(labels.model));
      const rows = examples.flatMap((row, i) => [row, { ...row, responseIds: generated[i]! }]);
      const likely = examples.flatMap((row) => [row, row]);
      await this.#add("label", {
        key: JSON.stringify(settings.labels),
        rehearse: (stages) => stages.score(judge, { rows, label: "judge" }),
        counts: countOf(likely),
        cost: modelCost(judge.config),
      });
    }
    const pairOf = (row: ExampleIds, rejectedIds: readonly number[]): PairIds => ({
      example: row.example,
      promptIds: row.promptIds,
      chosenIds: row.responseIds,
      rejectedIds,
    });
    const most = examples.map((row, i) => pairOf(row, generated[i]!));
    const likely = examples.map((row) => pairOf(row, row.responseIds.slice(0, room(row))));
    const times = this.#config.mix_previous && settings.iteration > 0 ? 2 : 1;
    const again = <T extends PairIds>(rows: readonly T[]): T[] =>
      Array.from(
        { length: times },
        (_, i) => rows.map((row) => ({ ...row, example: row.example + i * examples.length })),
      ).flat();
    await this.#optimize(settings, { most: pairRows(again(most)), likely: again(likely) });
  }

  async #evaluate(settings: IterationConfig, rows: readonly ExampleIds[]): Promise<void> {
    await this.#add("evaluate", {
      key: "score",
      rehearse: (stages) => stages.score(this.#folder, { rows }),
      counts: countOf(rows),
    });
    if (settings.labels.verifier === undefined) return;
    for (let i = 0; i < 2; i++) await this.#generate(settings, rows, "evaluate");
  }

  async #generate(
    settings: IterationConfig,
    examples: readonly ExampleIds[],
    stage: "generate" | "evaluate",
  ): Promise<void> {
    const { generation, data } = settings;
    const prompts = examples.map(({ example, promptIds }) => ({
      row: example,
      promptIds,
      maxNewTokens: responseRoom(promptIds.length, { generation, maxLength: data.max_length }),
    }));
    const likely = examples.map(({ responseIds }, i) => Math.min(responseIds.length, prompts[i]!.maxNewTokens));
    const likelyTokens = Math.ceil(likely.reduce((a, b) => a + b, 0) / likely.length);
    let [prefill, decode, tokens] = [0, 0, 0];
    prompts.forEach(({ promptIds: { length } }, i) => {
      const sampled = likely[i]!;
      prefill += forwardFlop(this.#cost, { ...countRow(length - 1, []), entries: 0 });
      decode += forwardFlop(this.#cost, {
        tokens: sampled,
        pairs: sampled * length + sampled * (sampled - 1) / 2,
        entries: sampled,
      });
      tokens += length - 1 + sampled;
    });
    await this.#add(stage, {
      key: `generate ${prompts.length} ${likelyTokens}`,
      rehearse: (stages) => stages.generate(this.#folder, { prompts, settings, likelyTokens }),
      flop: { tokens, forward: prefill, backward: 0, decode },
    });
  }

  async #optimize(
    settings: IterationConfig,
    { most, likely }: { most: TrainingRows; likely: readonly (ExampleIds | PairIds)[] },
  ): Promise<void> {
    const { noise, training } = settings;
    this.hasNoise ||= noise !== "none";
    const isSft = training.loss_type === "sft";
    const steps = await this.#add("optimize", {
      key: JSON.stringify([noise, most.length]),
      rehearse: (stages) => stages.optimize(this.#folder, { rows: most, settings }),
      advise: (memory) => advise({ device: this.#device, memory, folder: this.#folder, rows: most, settings }),
    });
    const batch = training.per_device_train_batch_size * training.gradient_accumulation_steps;
    const perEpoch = Math.ceil(most.length / batch);
    const count = training.max_steps > 0 ? training.max_steps : Math.ceil(training.num_train_epochs * perEpoch);
    if (this.steps === 0) this.steps = count;
    const epochs = count / perEpoch;
    const counts = countOf(likely);
    const rejected = likely.reduce((sum, row) => sum + ("rejectedIds" in row ? row.rejectedIds.length : 0), 0);
    const forward = forwardFlop(this.#cost, counts);
    const backward = backwardFlop(this.#cost, counts);
    const passes = noise === "none" || noise.update === "joint"
      ? { model: 1, noise: noise === "none" ? 0 : 1, all: 1 }
      : { model: noise.model_steps, noise: noise.noise_steps, all: noise.model_steps + noise.noise_steps };
    const noiseForward = noise === "none" ? 0 : passes.all * noiseFlop(this.#cost, rejected, { backward: false });
    const noiseBackward = passes.noise * noiseFlop(this.#cost, rejected, { backward: true });
    // The reference: what is known beforehand once, the rejected responses under noise in every pass.
    const sides = (...names: ("chosenIds" | "rejectedIds")[]): TokenCount =>
      sumCounts(
        likely.map((row) =>
          countRow(row.promptIds.length, "chosenIds" in row ? names.map((name) => row[name].length) : [])
        ),
      );
    const none: TokenCount = { tokens: 0, pairs: 0, entries: 0 };
    const known = isSft ? none : noise === "none" ? counts : sides("chosenIds");
    const noised = noise === "none" ? none : sides("rejectedIds");
    const once = Math.min(1, epochs);
    steps.tokens = once * known.tokens + epochs * passes.all * (counts.tokens + noised.tokens);
    steps.forward = once * forwardFlop(this.#cost, known) +
      epochs * (passes.all * (forward + forwardFlop(this.#cost, noised)) + noiseForward);
    steps.backward = epochs * (passes.model * backward + noiseBackward);
    const size = training.per_device_train_batch_size;
    this.batchTokens = Math.ceil(counts.tokens / likely.length * Math.min(size, likely.length));
  }

  async #add(stage: PlannedStage, { key, rehearse, counts, cost = this.#cost, flop, advise: adviser }: {
    /** What is the same where it has the same key. */
    key: string;
    rehearse: (stages: Rehearsing) => Promise<Rehearsed>;
    counts?: TokenCount;
    cost?: ModelCost;
    flop?: Pick<Entry, "tokens" | "forward" | "backward" | "decode">;
    advise?: (memory: number) => Promise<Advice>;
  }): Promise<Entry> {
    const id = `${stage} ${key}`;
    const isNew = !this.#known.has(id);
    const rehearsed = this.#known.get(id) ?? await rehearse(this.#rehearsing).catch((error) => {
      if (!(error instanceof DeviceError)) throw error;
      // What the failed stage held is not given back.
      this.#rehearsing = new Rehearsing(this.#device);
      return error;
    });
    this.#known.set(id, rehearsed);
    const failed = rehearsed instanceof DeviceError;
    const tooLarge = !failed && rehearsed.bytes > this.#memory;
    if (isNew && (failed || tooLarge)) {
      const problem = failed
        ? rehearsed.message
        : `needs ${rehearsed.bytes} bytes of device memory, of which there are ${this.#memory}`;
      const remedy = await adviser?.(this.#memory);
      const others = this.advice.filter((one) => one.stage !== stage);
      this.advice.splice(0, Infinity, ...others, { change: null, ...remedy, stage, problem });
    }
    const entry: Entry = {
      stage,
      rehearsed: failed ? null : rehearsed,
      ...(failed && { problem: rehearsed.message }),
      tokens: counts?.tokens ?? 0,
      forward: counts ? forwardFlop(cost, counts) : 0,
      backward: 0,
      decode: 0,
      ...flop,
    };
    this.#entries.push(entry);
    return entry;
  }

  /** The stages with their sums. */
  stages(speed: Speed | null): StagePlan[] {
    const names = ["generate", "label", "optimize", "evaluate"] as const;
    return names.flatMap((stage): StagePlan[] => {
      const entries = this.#entries.filter((entry) => entry.stage === stage);
      if (entries.length === 0) return [];
      const sum = (value: (entry: Entry) => number): number => entries.reduce((total, e) => total + value(e), 0);
      const fits = entries.every((entry) => entry.rehearsed !== null);
      const largest = entries.reduce((a, b) => (b.rehearsed?.bytes ?? 0) > (a.rehearsed?.bytes ?? 0) ? b : a);
      const problem = entries.find((entry) => entry.problem !== undefined)?.problem;
      return [{
        stage,
        times: entries.length,
        bytes: fits ? largest.rehearsed!.bytes : null,
        parts: Object.fromEntries(largest.rehearsed?.parts ?? []),
        ...(problem !== undefined && { problem }),
        tokens: Math.round(sum((e) => e.tokens)),
        flop: sum((e) => e.forward + e.backward + e.decode),
        seconds: speed && sum((e) =>
          e.forward / speed.forward + e.backward / speed.backward + e.decode / speed.decode +
          (e.rehearsed?.dispatches ?? 0) * speed.dispatch + (e.rehearsed?.fences ?? 0) * speed.fence
        ),
      }];
    });
  }
}

function countOf(rows: readonly (ExampleIds | PairIds)[]): TokenCount {
  return sumCounts(rows.map((row) =>
    countRow(
      row.promptIds.length,
      "chosenIds" in row ? [row.chosenIds.length, row.rejectedIds.length] : [row.responseIds.length],
    )
  ));
}

function sumCounts(counts: readonly TokenCount[]): TokenCount {
  return counts.reduce(addCounts, { tokens: 0, pairs: 0, entries: 0 });
}
