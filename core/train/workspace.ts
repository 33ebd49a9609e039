/** The buffers of a training pass, made once for the largest micro-batch, and the policy's backward pass. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { Slice } from "../../kernels/device/slice.ts";
import type { DropoutPlace } from "../../kernels/random/dropout.ts";
import { scatterRows } from "../../kernels/rows/gather_rows.ts";
import {
  type BackwardBuffers,
  backwardBuffers,
  type BufferSet,
  type ForwardBuffers,
  forwardBuffers,
} from "../model/activations.ts";
import { decoderBackward, decoderForward } from "../model/decoder.ts";
import type { AttentionBackwardContext, AttentionContext, Decoder } from "../model/decoder_types.ts";
import { BatchBuffers, type BatchCapacity, type DeviceBatch } from "../model/device_batch.ts";
import type { AdapterDropout } from "../model/dropped_low_rank.ts";
import type { ModelConfig } from "../model/families/family.ts";
import type { Parameters } from "../model/parameters.ts";
import { headBackward, type HeadBuffers, headBuffers, scoreSequences } from "../model/response_head.ts";
import { segmentLayers } from "../model/segments.ts";

/** Everything a micro-batch passes through. */
export interface Workspace {
  readonly decoder: Decoder;
  /** The policy's parameters, with the gradients of those that are trained. */
  readonly policy: Parameters;
  readonly batch: BatchBuffers;
  readonly forward: ForwardBuffers;
  readonly backward: BackwardBuffers;
  readonly head: HeadBuffers;
  /** Gradient at the gathered hidden states: [entries, hidden]. */
  readonly dh: Slice;
  /** Dropout before adapters; null without. */
  readonly drop: WorkspaceDropout | null;
}

/** Dropout of every batch, before its place in training is known. */
type WorkspaceDropout = Omit<AdapterDropout, "positions" | "examples" | "step">;

/** The dropout that a run asks for. */
export type DropoutSettings = Pick<DropoutPlace, "probability" | "seed" | "iteration">;

/** Makes the buffers for micro-batches up to `capacity`. */
export function createWorkspace(
  set: BufferSet,
  { decoder, policy, capacity, noise, dropout, checkpointing = false }: {
    decoder: Decoder;
    policy: Parameters;
    capacity: BatchCapacity;
    noise: boolean;
    /** Null without dropout. */
    dropout: DropoutSettings | null;
    /** Layers whose activations are kept at a time; false keeps those of all (default). */
    checkpointing?: boolean | number;
  },
): Workspace {
  const { config } = decoder;
  const segment = segmentLayers(checkpointing, config.numLayers);
  return {
    decoder,
    policy,
    batch: new BatchBuffers(set, { capacity, hasExamples: dropout !== null }),
    forward: forwardBuffers(set, { config, capacity: capacity.tokens, segment, ranks: policy.ranks }),
    backward: backwardBuffers(set, { config, capacity: capacity.tokens, ranks: policy.ranks }),
    head: headBuffers(set, { config, entries: capacity.entries, noise }),
    dh: set.words(capacity.entries * config.hiddenSize, "gathered dhidden"),
    drop: dropout && { ...dropout, dropped: set.words(capacity.tokens * mostInputs(config), "dropped inputs") },
  };
}

/** The most columns that a linear layer reads. */
function mostInputs({ hiddenSize, numHeads, headDim, intermediateSize }: ModelConfig): number {
  return Math.max(hiddenSize, numHeads * headDim, intermediateSize);
}

/** The batch with the dropout of a step. */
function droppedBatch({ drop }: Workspace, batch: DeviceBatch, step: number): DeviceBatch {
  if (drop === null) return batch;
  return { ...batch, drop: { ...drop, step, positions: batch.position, examples: batch.example! } };
}

/**
 * Records the policy's forward pass: overwrites the sequences' summed log-probabilities `out`. `step` is the step in
 * Philox's counter.
 */
export function policyForward(
  commands: Commands,
  workspace: Workspace,
  { out, batch, step, attention }: { out: Slice; batch: DeviceBatch; step: number; attention: AttentionContext },
): void {
  const { decoder, policy, forward, head } = workspace;
  const tokens = droppedBatch(workspace, batch, step);
  decoderForward(commands, decoder, { parameters: policy, batch: tokens, buffers: forward, attention });
  scoreSequences(commands, {
    out,
    decoder,
    parameters: policy,
    hidden: forward.hidden,
    tokens: batch.tokens,
    entries: batch.entries,
    buffers: head,
  });
}

/** Records the backward pass from `dlogp`, the derivatives by the summed log-probabilities. Adds to the gradients. */
export function policyBackward(
  commands: Commands,
  workspace: Workspace,
  { batch, dlogp, step, attention }: {
    batch: DeviceBatch;
    dlogp: Slice;
    step: number;
    attention: AttentionContext & AttentionBackwardContext;
  },
): void {
  const { decoder, policy, forward, backward, head, dh } = workspace;
  const { config } = decoder;
  const { entries } = batch;
  headBackward(commands, { decoder, parameters: policy, entries, buffers: head, dh, dlogp });
  scatterRows(commands, {
    dx: backward.dhidden,
    ...batch.byToken,
    dy: dh,
    rows: batch.tokens,
    columns: config.hiddenSize,
  });
  decoderBackward(commands, decoder, {
    parameters: policy,
    batch: droppedBatch(workspace, batch, step),
    index: batch.embedding,
    buffers: forward,
    scratch: backward,
    attention,
  });
}
