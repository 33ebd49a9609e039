/** Samples tokens from logits by temperature, top-k and top-p. @module */
import quadScalarSource from "./quad_scalar.wgsl" with { type: "text" };
import quadVec4Source from "./quad_vec4.wgsl" with { type: "text" };
import source from "./sampling.wgsl" with { type: "text" };
import { type Commands, grid } from "../device/commands.ts";
import type { Device } from "../device/device.ts";
import { INVOCATION } from "../device/invocation.ts";
import { defineKernel, type Kernel } from "../device/kernel.ts";
import type { Slice } from "../device/slice.ts";
import type { SourcePart } from "../device/source.ts";
import { PHILOX } from "../random/philox.ts";
import { philoxKey } from "../random/philox_key.ts";
import { elementLanes } from "../vector.ts";
import { windowOn, windows } from "../window.ts";

const spec = {
  bindings: { token: "readWrite", logits: "read", row_id: "read", position: "read" },
  uniforms: {
    rows: "u32",
    first: "u32",
    vocab: "u32",
    quads: "u32",
    blocks: "u32",
    block_quads: "u32",
    temperature: "f32",
    top_k: "u32",
    top_p: "f32",
    seed: "u32",
    stream: "u32",
  },
} as const;
const kernels = {
  scalar: sampling("sampling", { name: "kernels/sampling/quad_scalar.wgsl", text: quadScalarSource }),
  vec4: sampling("sampling vec4", { name: "kernels/sampling/quad_vec4.wgsl", text: quadVec4Source }),
};

function sampling(name: string, quad: SourcePart): Kernel<keyof typeof spec.bindings, typeof spec.uniforms> {
  const own = { name: "kernels/sampling/sampling.wgsl", text: source };
  return defineKernel({ ...spec, name, code: [PHILOX, quad, INVOCATION, own] });
}

const MAX_BLOCKS = 1024;
const BLOCK_QUADS = 32;
/**
 * Quads that a lane has at most. On lavapipe a lane's loops end after 65,535 rounds in all, whatever their conditions;
 * with top-k and top-p a lane goes over its quads 19 times.
 */
const LANE_QUADS = 3000;
const MAX_LANES = 256;

/** Buffers and settings of {@linkcode sampleTokens}. */
export interface SampleTokens {
  /** Output, overwritten: u32 [rows]. */
  token: Slice;
  /** f32 [rows, vocabSize], of any size. */
  logits: Slice;
  /** u32 [rows]: each row's index among the prompts, for Philox. */
  row: Slice;
  /**
   * u32 [rows]: position of each row's last token, whose logits these are (the counter's position in docs/method.md).
   */
  position: Slice;
  rows: number;
  vocabSize: number;
  /** 0 takes the first maximum. */
  temperature: number;
  /** Keeps this many of the most probable tokens, and ties with the last of them; 0 keeps all. */
  topK: number;
  /** Then keeps the fewest most probable tokens whose probabilities sum to this or more; 1 keeps all. */
  topP: number;
  seed: number;
  /** Below 2^24. */
  iteration: number;
}

/**
 * Records sampling one token for each row: the first, in ascending order, whose cumulative probability among the tokens
 * kept exceeds u_0 of Philox with key (seed, iteration + 2·2^24) and counter (position, row, 0, 0).
 */
export function sampleTokens(
  commands: Commands,
  { token, logits, row, position, rows, vocabSize, temperature, topK, topP, seed, iteration }: SampleTokens,
): void {
  const quads = Math.ceil(vocabSize / 4);
  const blockQuads = Math.max(BLOCK_QUADS, Math.ceil(quads / MAX_BLOCKS));
  const rowBytes = vocabSize * 4;
  for (const window of windows(commands.device, rows, { rowBytes })) {
    commands.dispatch(vocabSize % 4 === 0 ? kernels.vec4 : kernels.scalar, {
      buffers: {
        token,
        logits: windowOn(commands.device, logits, { first: window.first, rowBytes }),
        row_id: row,
        position,
      },
      uniforms: {
        rows: window.rows,
        first: window.first,
        vocab: vocabSize,
        quads,
        blocks: Math.ceil(quads / blockQuads),
        block_quads: blockQuads,
        temperature,
        top_k: topK,
        top_p: topP,
        seed,
        stream: philoxKey(seed, { iteration, purpose: "sampling" })[1],
      },
      workgroups: grid(commands.device, window.rows),
      constants: { LANES: lanesOf(commands.device, quads) },
    });
  }
}

function lanesOf(device: Device, quads: number): number {
  let lanes = elementLanes(device);
  while (lanes < MAX_LANES && lanes * LANE_QUADS < quads) lanes *= 2;
  return lanes;
}
