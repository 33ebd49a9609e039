/** Calls of the kernels that are neither products nor attention, at sizes of a small model, with what each needs. @module */
import { kvStore } from "../../kernels/attention/kv_cache.ts";
import { rope } from "../../kernels/attention/rope.ts";
import type { Commands } from "../../kernels/device/commands.ts";
import type { Slice } from "../../kernels/device/slice.ts";
import { lmHeadBackward, lmHeadForward } from "../../kernels/lm_head/lm_head.ts";
import { lmHeadNoiseBackward, lmHeadNoiseForward } from "../../kernels/lm_head/lm_head_noise.ts";
import { lmHeadScratch } from "../../kernels/lm_head/lm_head_tiles.ts";
import { sequenceSum } from "../../kernels/loss/sequence_sum.ts";
import { biasGradient, biasGradientScratchBytes } from "../../kernels/matmul/bias_gradient.ts";
import { swiglu, swigluBackward } from "../../kernels/mlp/swiglu.ts";
import { headNorm, headNormBackward, headNormPartialBytes } from "../../kernels/norm/head_norm.ts";
import * as norm from "../../kernels/norm/rms_norm.ts";
import { adamw } from "../../kernels/optimizer/adamw.ts";
import { squaredNorm, squaredNormPartials } from "../../kernels/optimizer/gradient_norm.ts";
import { rmsprop } from "../../kernels/optimizer/rmsprop.ts";
import { dropout } from "../../kernels/random/dropout.ts";
import { uniformFill } from "../../kernels/random/uniform_fill.ts";
import { embeddingBackward } from "../../kernels/rows/embedding.ts";
import { gatherRows, scatterRows } from "../../kernels/rows/gather_rows.ts";
import { repetitionPenalty, seenWords } from "../../kernels/sampling/repetition_penalty.ts";
import { sampleTokens } from "../../kernels/sampling/sampling.ts";
import { quantize } from "../../kernels/storage/quantize.ts";
import { QUANTIZED, storedBytes } from "../../kernels/storage/storage.ts";

/** Makes buffers of zeros, or of these numbers, for one call. */
export type Make = (content: number | Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer>) => Slice;

/** One operation. */
export interface TrafficCall {
  /** What sets it apart from others of the same kernels. */
  readonly variant?: string;
  readonly record: (commands: Commands, make: Make) => void;
  /** Writable bindings that are read as well: they are needed twice. */
  readonly updated?: readonly string[];
  /** Bytes needed of a binding, or of `kernel.binding`, where that is not its whole slice: read, then written. */
  readonly bytes?: Readonly<Record<string, readonly [read: number, written: number]>>;
}

const ROWS = 128;
const COLUMNS = 1024;
const COUNT = 2 ** 17;
const VOCAB = 8192;
const SIZES = { rows: ROWS, columns: COLUMNS };
/** A row of which lanes can keep all in the forward pass, and a half in the backward. */
const WIDE = { rows: 16, columns: 8192 };
const HEADS = { tokens: ROWS, heads: 12, kvHeads: 4, headDim: 64 };
const HEAD_NUMBERS = ROWS * 20 * 64;
const counting = (count: number): Uint32Array<ArrayBuffer> => Uint32Array.from({ length: count }, (_, i) => i);
const ramp = (count: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i * 12.9898) * 3);

/** Every operation. */
export function trafficCalls(): TrafficCall[] {
  return [...norms(), ...heads(), ...copies(), ...optimizers(), ...lmHeads(), ...samplings(), ...stored()];
}

function norms(): TrafficCall[] {
  const rows = (make: Make) => ({ ...SIZES, invRms: make(ROWS), weight: make(COLUMNS), eps: 1e-6 });
  const full = (make: Make): Slice => make(ROWS * COLUMNS);
  const backward = (make: Make, accumulate: boolean) => ({
    ...rows(make),
    ...{ dx: full(make), x: full(make), dy: full(make), accumulate },
  });
  return [
    { record: (c, make) => norm.rmsNorm(c, { ...rows(make), y: full(make), x: full(make) }) },
    {
      record: (c, make) =>
        norm.addRmsNorm(c, { ...rows(make), sum: full(make), y: full(make), a: full(make), b: full(make) }),
    },
    {
      record: (c, make) => norm.rmsNormBackward(c, backward(make, false)),
    },
    {
      variant: "accumulating",
      record: (c, make) => norm.rmsNormBackward(c, backward(make, true)),
      updated: ["dx"],
    },
    {
      record: (c, make) => {
        const scratch = make(norm.rmsNormScratchBytes(ROWS, COLUMNS) / 4);
        norm.rmsNormBackwardWeight(c, {
          ...rows(make),
          dweight: make(COLUMNS),
          scratch,
          x: full(make),
          dy: full(make),
        });
      },
      updated: ["sums"],
    },
    {
      variant: "8,192 columns",
      record: (c, make) => {
        const full = (): Slice => make(WIDE.rows * WIDE.columns);
        const row = { ...WIDE, invRms: make(WIDE.rows), weight: make(WIDE.columns), eps: 1e-6 };
        norm.rmsNorm(c, { ...row, y: full(), x: full() });
        norm.rmsNormBackward(c, { ...row, dx: full(), x: full(), dy: full() });
      },
    },
    {
      variant: "of a bias",
      record: (c, make) => {
        const scratch = make(biasGradientScratchBytes(ROWS, COLUMNS) / 4);
        biasGradient(c, { ...SIZES, dbias: make(COLUMNS), scratch, dy: full(make) });
      },
    },
  ];
}

function heads(): TrafficCall[] {
  const of = (make: Make) => ({ ...HEADS, qWeight: make(64), kWeight: make(64), invRms: make(ROWS * 16) });
  const full = (make: Make): Slice => make(HEAD_NUMBERS);
  const normed = HEAD_NUMBERS * 4 * 16 / 20;
  return [
    { record: (c, make) => headNorm(c, { ...of(make), y: full(make), qkv: full(make), eps: 1e-6 }) },
    {
      record: (c, make) => {
        const partial = make(headNormPartialBytes(HEADS) / 4);
        const weightGradients = { dqWeight: make(64), dkWeight: make(64), partial };
        headNormBackward(c, { ...of(make), dqkv: full(make), dy: full(make), qkv: full(make), weightGradients });
      },
      updated: ["dq_weight", "dk_weight"],
      // v heads have no norm; the weights' gradients need no v of dy either.
      bytes: { qkv: [normed, 0], "head_norm_backward_weight.dy": [normed, 0] },
    },
    {
      record: (c, make) =>
        rope(c, { ...HEADS, qkv: full(make), position: make(counting(ROWS)), table: make(ROWS * 64) }),
      bytes: { qkv: [normed, normed] },
    },
    {
      record: (c, make) => {
        const [kCache, vCache] = [make(ROWS * 256), make(ROWS * 256)];
        const place = { slot: make(ROWS), position: make(counting(ROWS)), maxLength: ROWS };
        kvStore(c, { ...HEADS, ...place, kCache, vCache, qkv: full(make), rounded: null });
      },
      bytes: { qkv: [ROWS * 512 * 4, 0] },
    },
    ...(["bf16", "f16"] as const).map((storage): TrafficCall => ({
      record: (c, make) => {
        const [kCache, vCache] = [make(ROWS * 128), make(ROWS * 128)];
        const place = { slot: make(ROWS), position: make(counting(ROWS)), maxLength: ROWS };
        kvStore(c, { ...HEADS, ...place, kCache, vCache, qkv: full(make), rounded: { storage, overflow: make(1) } });
      },
      bytes: { qkv: [ROWS * 512 * 4, ROWS * 512 * 4], overflow: [0, 0] },
    })),
  ];
}

function copies(): TrafficCall[] {
  const full = (make: Make): Slice => make(ROWS * COLUMNS);
  const mlp = { rows: ROWS, inner: COLUMNS };
  const place = { probability: 0.1, seed: 0, iteration: 0, step: 0, module: 0 };
  const drop = (make: Make) => ({
    ...{ ...place, ...SIZES, positions: make(ROWS), examples: make(ROWS), y: full(make), x: full(make) },
  });
  const index = (make: Make) => ({ starts: make(counting(ROWS + 1)), tokens: make(counting(ROWS)) });
  return [
    { record: (c, make) => swiglu(c, { ...mlp, act: full(make), gateUp: make(2 * ROWS * COLUMNS) }) },
    {
      record: (c, make) => {
        const [dgateUp, gateUp] = [make(2 * ROWS * COLUMNS), make(2 * ROWS * COLUMNS)];
        swigluBackward(c, { ...mlp, dgateUp, gateUp, dact: full(make) });
      },
    },
    { record: (c, make) => dropout(c, drop(make)) },
    { variant: "accumulating", record: (c, make) => dropout(c, { ...drop(make), accumulate: true }), updated: ["y"] },
    {
      record: (c, make) => uniformFill(c, { out: make(COUNT), count: COUNT, first: 0, key: [0, 0], bound: 1 }),
    },
    {
      record: (c, make) =>
        gatherRows(c, { ...SIZES, out: full(make), x: full(make), index: make(counting(ROWS)), sourceRows: ROWS }),
    },
    {
      record: (c, make) => {
        const { starts, tokens } = index(make);
        scatterRows(c, { ...SIZES, dx: full(make), starts, entries: tokens, most: 1, dy: full(make) });
      },
    },
    {
      record: (c, make) => {
        const sizes = { count: ROWS, most: 1, vocabSize: ROWS, columns: COLUMNS };
        embeddingBackward(c, {
          ...{ ...sizes, ...index(make), ids: make(counting(ROWS)), dweight: full(make), dout: full(make) },
        });
      },
      updated: ["dweight"],
    },
    {
      record: (c, make) =>
        sequenceSum(c, {
          ...{ out: make(4), x: make(COUNT), starts: make(Uint32Array.of(0, 1, 2, 3, COUNT)), sequences: 4 },
        }),
    },
  ];
}

function optimizers(): TrafficCall[] {
  const flat = (make: Make) => ({
    ...{ parameters: make(COUNT), gradients: make(COUNT), v: make(COUNT) },
    // The update is allowed.
    control: make(Uint32Array.of(0x3f800000, 0, 1, 1, 0x3f800000, 0x3f800000, 0, 0)),
    ...{ count: COUNT, decayed: COUNT / 2, lr: 1e-3, eps: 1e-8, weightDecay: 0.1 },
  });
  const updated = ["parameters", "m", "v"];
  return [
    { record: (c, make) => adamw(c, { ...flat(make), m: make(COUNT), betas: [0.9, 0.99] }), updated },
    { record: (c, make) => rmsprop(c, { ...flat(make), alpha: 0.9 }), updated },
    {
      record: (c, make) => {
        const chunks = [{ gradients: make(COUNT), count: COUNT }];
        squaredNorm(c, { partials: make(squaredNormPartials([COUNT])), chunks });
      },
    },
  ];
}

function lmHeads(): TrafficCall[] {
  const [rows, hidden, vocab] = [64, 64, 2048];
  const inputs = (c: Commands, make: Make) => {
    const plan = lmHeadScratch(c.device, { maxRows: rows, vocab, hidden });
    const [logits, noiseLogits] = [make(plan.bytes.logits / 4), make(plan.bytes.noiseLogits / 4)];
    const scratch = { plan, state: make(plan.bytes.state / 4), logits, noiseLogits };
    return {
      ...{ h: make(rows * hidden), weight: make(vocab * hidden), target: make(rows) },
      rows,
      hidden,
      vocab,
      scratch,
    };
  };
  const noise = (make: Make) => ({
    ...{ example: make(rows), position: make(counting(rows)), seed: 0, iteration: 0, step: 0, maxVariance: 1 },
    ...{ noiseWeight: make(vocab * hidden), noiseBias: make(vocab), lseNoised: make(rows) },
  });
  const one = (make: Make): Slice => make(rows);
  return [
    {
      record: (c, make) =>
        lmHeadForward(c, { ...inputs(c, make), logp: one(make), lse: one(make), top: make(2 * rows) }),
    },
    {
      record: (c, make) => {
        const { dh, dweight } = { dh: make(rows * hidden), dweight: make(vocab * hidden) };
        const saved = { lse: one(make), dlogp: one(make), sequence: make(counting(rows)) };
        lmHeadBackward(c, { ...inputs(c, make), ...saved, dh, dweight });
      },
      updated: ["logits"],
    },
    {
      record: (c, make) => {
        const out = { logp: one(make), lse: one(make), logpNoised: one(make), sigmaSquared: one(make) };
        lmHeadNoiseForward(c, { ...inputs(c, make), ...noise(make), ...out });
      },
    },
    {
      record: (c, make) => {
        const gradients = { dnoiseWeight: make(vocab * hidden), dnoiseBias: make(vocab), dlogpNoised: one(make) };
        const sequence = make(counting(rows));
        lmHeadNoiseBackward(c, { ...inputs(c, make), ...noise(make), ...gradients, sequence, varianceScale: 1 });
      },
      updated: ["noise_logits", "dbias"],
    },
  ];
}

function samplings(): TrafficCall[] {
  const rows = 4;
  const settings = { temperature: 1, topK: 0, topP: 1, seed: 0, iteration: 0, rows, vocabSize: VOCAB };
  const sample = (variant: string, changes: Partial<typeof settings>): TrafficCall => ({
    variant,
    record: (c, make) => {
      const logits = make(ramp(rows * VOCAB));
      sampleTokens(c, { ...settings, ...changes, token: make(rows), logits, row: make(rows), position: make(rows) });
    },
  });
  return [
    sample("greedy", { temperature: 0 }),
    sample("temperature", {}),
    sample("top-k", { topK: 50 }),
    sample("top-p", { topP: 0.9 }),
    {
      record: (c, make) => {
        const sizes = { rows, vocabSize: VOCAB, penalty: 1.1 };
        const [logits, seen] = [make(ramp(rows * VOCAB)), make(new Uint32Array(rows * seenWords(VOCAB)))];
        repetitionPenalty(c, { ...sizes, logits, seen, token: make(counting(rows)), slot: make(counting(rows)) });
      },
      // Each row has one token, its last.
      bytes: { logits: [4 * rows, 4 * rows], seen: [4 * rows * seenWords(VOCAB), 4 * rows] },
    },
  ];
}

function stored(): TrafficCall[] {
  return QUANTIZED.flatMap((storage): TrafficCall[] => {
    const { data, scales } = storedBytes(storage, SIZES);
    return [
      {
        record: (c, make) => {
          const index = make(counting(ROWS));
          const x = { x: make(data / 4), scales: make(scales / 4), storage, index, sourceRows: ROWS };
          gatherRows(c, { ...SIZES, ...x, out: make(ROWS * COLUMNS) });
        },
      },
      {
        record: (c, make) => {
          const out = { data: make(data / 4), scales: make(scales / 4), bad: make(1), mark: 1 };
          quantize(c, { ...SIZES, ...out, storage, x: make(ramp(ROWS * COLUMNS)), sourceStorage: "f32", firstRow: 0 });
        },
        bytes: { bad: [0, 0] },
      },
    ];
  });
}
