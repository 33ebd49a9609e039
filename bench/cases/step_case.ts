/** A whole training step: noised reference, policy, loss, backward, optimizer. @module */
import { forIteration, type IterationConfig, loadConfig } from "../../core/config/config.ts";
import type { ModelConfig } from "../../core/model/families/family.ts";
import { createAdapter } from "../../core/model/lora_adapter.ts";
import { freeModel } from "../../core/model/model.ts";
import { packPairs, type PairIds } from "../../core/model/pack.ts";
import { parametersOf } from "../../core/model/parameters.ts";
import { pairLogps } from "../../core/model/row_logps.ts";
import { batchCapacity, packBatch } from "../../core/train/step_batches.ts";
import { Trainer } from "../../core/train/trainer.ts";
import { longestRow, pairRows, places } from "../../core/train/training_rows.ts";
import { Profiler } from "../../kernels/device/profile.ts";
import {
  forwardGflop,
  jaxModel,
  LLAMA_10M,
  llamaConfig,
  type LlamaSizes,
  openModel,
  openReference,
  REFERENCE_SEED,
  torchModel,
} from "../bench_models.ts";
import type { Contender, Context, Result, Spec, TorchCall } from "../bench_types.ts";
import { checkClose, compare, fact, seconds } from "../measure.ts";
import { tokenIds } from "../values.ts";
import { gflop, makeProduct, ownMatmul } from "./matmul_case.ts";

const LENGTH = 256;
const PAIRS = 4;
const BETA = 0.1;
const LEARNING_RATE = 1e-4;
const MIB = 2 ** 20;

/** The steps. */
export function stepSpecs(): Spec[] {
  return [
    { name: "step/llama-10m", quick: true, run: runStep },
    { name: "step/llama-10m-2x64", quick: false, run: runSmallStep },
    { name: "step/llama-10m-noise", quick: false, run: runNoise },
    ...([["1:1", 128], ["4:1", 205]] as const).map(([label, prompt]): Spec => {
      const name = `step/llama-10m-prompt-${label}`;
      return { name, quick: false, run: (context) => runShared(context, name, prompt) };
    }),
    ...[{}, { adapters: true }, { adapters: true, noise: true }].map((what): Spec => {
      const kind = ["recomputed", ...Object.keys(what)].join("-");
      const name = `step/llama-10m-${kind}`;
      return { name, quick: false, run: (context) => runRecomputed(context, name, what) };
    }),
  ];
}

/** A trainer with a batch, ready to step. */
export interface StepRun {
  step: (repeats: number) => Promise<number>;
  /** Loss and gradient norm of one step. */
  first: () => Promise<[loss: number, norm: number]>;
  /** Device memory at the most, bytes: weights, reference, gradients, moments, activations. */
  peakBytes: () => number;
  free: () => void;
}

/** What a step works on. */
export interface StepSizes {
  sizes: LlamaSizes;
  pairs: readonly PairIds[];
  sharePrompt?: boolean;
  /** Joint noise, as in DNPO; without it the reference's log-probabilities are computed beforehand, all of them. */
  noise?: boolean;
  /** Adapters of rank 16 are trained, and the weights are frozen. */
  adapters?: boolean;
  checkpointing?: boolean;
}

/** Opens model, reference and trainer. */
export async function openStep(
  context: Context,
  { sizes, pairs, sharePrompt = true, noise = false, adapters = false, checkpointing = false }: StepSizes,
): Promise<StepRun> {
  const { device, commands } = context;
  const before = device.bytes;
  device.peakBytes = before;
  const base = await openModel(context, sizes);
  const settings = await settingsOf({ rows: pairs.length, noise, adapters, checkpointing });
  const { lora } = settings;
  const fresh = { base: null, init: "uniform", seed: 1, iteration: 0 } as const;
  const model = lora ? { ...base, adapter: createAdapter(device, base.config, { settings: lora, ...fresh }) } : base;
  const reference = openReference(context, model);
  const rows = { ...pairRows(pairs), pack: () => packPairs(pairs, { sharePrompt }) };
  const batch = packBatch(rows, places(rows), { size: pairs.length, noise });
  const sums = await pairLogps(commands, { config: model.config, weights: reference }, { pairs });
  const logps = {
    chosen: Float32Array.from(pairs, (_, i) => sums[2 * i]!),
    rejected: Float32Array.from(pairs, (_, i) => sums[2 * i + 1]!),
  };
  if (!noise) reference.free();
  const trainer = await Trainer.create(commands, {
    model,
    reference: { logps, ...(noise && { parameters: parametersOf(reference) }) },
    settings,
    capacity: batchCapacity(batch, device),
    maxPositions: longestRow(rows),
  });
  let at = 0;
  const one = async (): Promise<[number, number]> => {
    await trainer.step(batch, { step: at++, factor: 1 });
    const { metrics } = await trainer.read();
    return [metrics[0]!.loss!, metrics[0]!.grad_norm!];
  };
  return {
    first: one,
    step: (repeats) =>
      seconds(async () => {
        for (let i = 0; i < repeats; i++) await one();
      }),
    peakBytes: () => device.peakBytes - before,
    free() {
      trainer.free();
      if (noise) reference.free();
      freeModel(model);
    },
  };
}

/** Pairs by formula: `prompt` tokens, and responses up to `length` tokens a side, of which the last is no input. */
export function makePairs(
  count: number,
  { prompt, length, vocab }: { prompt: number; length: number; vocab: number },
): PairIds[] {
  return Array.from({ length: count }, (_, example) => {
    const ids = (seed: number, n: number): number[] => tokenIds(n, { seed: 10 * example + seed, vocab });
    const response = length + 1 - prompt;
    return { example, promptIds: ids(1, prompt), chosenIds: ids(2, response), rejectedIds: ids(3, response) };
  });
}

async function runStep(context: Context): Promise<Result[]> {
  const pairs = makePairs(PAIRS, { prompt: 1, length: LENGTH, vocab: LLAMA_10M.vocab });
  const model = await openModel(context, LLAMA_10M);
  const { config } = model;
  model.weights.free();
  // A forward pass, and a backward pass of twice its work.
  const work = 3 * forwardGflop(config, { sequences: 2 * PAIRS, length: LENGTH });
  const run = await openStep(context, { sizes: LLAMA_10M, pairs });
  const first = await run.first();
  const torch = await context.peers.startTorch();
  const torchCall = torch && torchStep(config, pairs);
  const product = makeProduct("NN", [1024, 1024, 1024]);
  const contenders: Contender[] = [
    { name: "dnpo", check: () => Promise.resolve(), run: run.step },
    { ...ownMatmul(context, product, { name: "own matmul" }), work: gflop(product) },
  ];
  try {
    const results: Result[] = [];
    let memory = 0;
    if (torch) {
      contenders.push({
        name: "torch",
        async check() {
          const answer = await torch.ask(torchCall!);
          checkClose(first, answer.sample as number[], { label: "loss and gradient norm of the step", rtol: 1e-3 });
          memory = Number(answer.bytes) / MIB;
        },
        run: async (repeats) => Number((await torch.ask({ op: "run", repeats })).seconds),
      });
    }
    results.push(await compare(context, { name: "step/llama-10m", unit: "gflops", work, contenders }));
    results.push(
      fact("step/llama-10m/memory", "mib", run.peakBytes() / MIB, torch ? { torch: memory } : {}),
    );
    results.push(...await hostOverhead(context, run));
    return results;
  } finally {
    run.free();
    await torch?.stop();
  }
}

function idsOf(pairs: readonly PairIds[]): number[][] {
  return pairs.flatMap((p) => [[...p.promptIds, ...p.chosenIds], [...p.promptIds, ...p.rejectedIds]]);
}

function torchStep(config: ModelConfig, pairs: readonly PairIds[]): TorchCall {
  return {
    op: "step",
    ...torchModel(config),
    reference_seed: REFERENCE_SEED,
    ids: idsOf(pairs),
    beta: BETA,
    lr: LEARNING_RATE,
    max_norm: 1,
  };
}

/** The same model on two sequences of 64 tokens, a step that jax-js can do in a time that allows rounds. */
async function runSmallStep(context: Context): Promise<Result[]> {
  const length = 64;
  const pairs = makePairs(1, { prompt: 1, length, vocab: LLAMA_10M.vocab });
  const config = llamaConfig(LLAMA_10M);
  const run = await openStep(context, { sizes: LLAMA_10M, pairs });
  const expected = await run.first();
  const { torch, jax } = context.peers;
  const model = jaxModel(config);
  const contenders: Contender[] = [
    { name: "dnpo", check: () => Promise.resolve(), run: run.step, free: run.free },
    ...(jax ? [jax.step({ model, ids: idsOf(pairs), beta: BETA, lr: LEARNING_RATE, maxNorm: 1, expected })] : []),
    ...(torch ? [torch.contender(torchStep(config, pairs), { expected, rtol: 1e-3 })] : []),
  ];
  const work = 3 * forwardGflop(config, { sequences: 2, length });
  return [await compare(context, { name: "step/llama-10m-2x64", unit: "gflops", work, contenders })];
}

/** A step with joint noise: the reference runs over the rejected responses, and the LM head with noise over them. */
async function runNoise(context: Context): Promise<Result[]> {
  const pairs = makePairs(PAIRS, { prompt: 1, length: LENGTH, vocab: LLAMA_10M.vocab });
  const [noised, plain] = [
    await openStep(context, { sizes: LLAMA_10M, pairs, noise: true }),
    await openStep(context, { sizes: LLAMA_10M, pairs }),
  ];
  const contender = (name: string, { first, step, free }: StepRun): Contender => ({
    name,
    async check() {
      const numbers = await first();
      if (!numbers.every(Number.isFinite)) throw new Error(`${name}: loss and gradient norm are ${numbers}`);
    },
    run: step,
    free,
  });
  const contenders = [contender("dnpo", noised), contender("without noise", plain)];
  const work = 2 * PAIRS * LENGTH;
  return [await compare(context, { name: "step/llama-10m-noise", unit: "tokens_per_s", work, contenders })];
}

/** (Step − Σ GPU time) / step in a run whose dispatches are timed; notes the longest kernels. */
async function hostOverhead({ device, commands, notes }: Context, run: StepRun): Promise<Result[]> {
  if (!device.features.has("timestamp-query")) {
    notes.push("Host overhead: not measured, the device has no timestamps.");
    return [];
  }
  const profiler = new Profiler(device);
  commands.profiler = profiler;
  try {
    const wall = await run.step(1);
    const times = await profiler.read();
    const gpu = times.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / 1000;
    const calls = times.reduce((sum, time) => sum + time.calls, 0);
    notes.push(
      `Step under the profiler: ${wall.toFixed(2)} s, ${gpu.toFixed(2)} s of it in ${calls} dispatches; the longest ` +
        "(share, calls): " + times.slice(0, 12).map(({ name, calls, milliseconds }) =>
          `\`${name}\` ${(milliseconds / gpu / 10).toFixed(1)} %, ${calls}`
        ).join("; ") + ".",
    );
    return [fact("step/llama-10m/host-overhead", "share", (wall - gpu) / wall)];
  } finally {
    commands.profiler = undefined;
  }
}

/** The same pairs with the prompt computed once, and twice. */
async function runShared(context: Context, name: string, prompt: number): Promise<Result[]> {
  const pairs = makePairs(PAIRS / 2, { prompt, length: LENGTH, vocab: LLAMA_10M.vocab });
  const open = (sharePrompt: boolean) => openStep(context, { sizes: LLAMA_10M, pairs, sharePrompt });
  const [shared, repeated] = [await open(true), await open(false)];
  const contender = (label: string, run: StepRun, expected?: [number, number]): Contender => ({
    name: label,
    async check() {
      if (expected) checkClose(await run.first(), expected, { label: "loss and gradient norm", rtol: 1e-3 });
    },
    run: run.step,
    free: run.free,
  });
  const expected = await shared.first();
  const contenders = [contender("dnpo", shared), contender("prompt repeated", repeated, expected)];
  const work = PAIRS * LENGTH;
  return [await compare(context, { name, unit: "tokens_per_s", work, contenders })];
}

/** The same pairs with the layers' activations computed again, and kept. */
async function runRecomputed(
  context: Context,
  name: string,
  what: Pick<StepSizes, "adapters" | "noise">,
): Promise<Result[]> {
  const pairs = makePairs(PAIRS, { prompt: 1, length: LENGTH, vocab: LLAMA_10M.vocab });
  const open = (checkpointing: boolean) => openStep(context, { sizes: LLAMA_10M, pairs, checkpointing, ...what });
  const [again, kept] = [await open(true), await open(false)];
  const expected = await kept.first();
  const contenders: Contender[] = [
    {
      name: "dnpo",
      check: async () => checkClose(await again.first(), expected, { label: "loss and gradient norm", rtol: 0 }),
      run: again.step,
      free: again.free,
    },
    { name: "all kept", check: () => Promise.resolve(), run: kept.step, free: kept.free },
  ];
  const work = 2 * PAIRS * LENGTH;
  return [await compare(context, { name, unit: "tokens_per_s", work, contenders })];
}

async function settingsOf(
  { rows, noise, adapters, checkpointing }: { rows: number; noise: boolean; adapters: boolean; checkpointing: boolean },
): Promise<IterationConfig> {
  const config = await loadConfig(undefined, {
    defaults: {
      noise: noise ? { update: "joint", learning_rate: 1e-3 } : "none",
      ...(adapters && { lora: { r: 16 } }),
      training: {
        learning_rate: LEARNING_RATE,
        per_device_train_batch_size: rows,
        gradient_checkpointing: checkpointing,
        lr_scheduler_type: "constant",
        beta: BETA,
        logging_steps: 1,
      },
    },
  });
  return forIteration(config, 0);
}
