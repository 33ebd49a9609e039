/** The buffers of a training pass, made once for the largest micro-batch, and the policy's backward pass. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { Slice } from "../../kernels/device/slice.ts";
import { scatterRows } from "../../kernels/rows/gather_rows.ts";
import {
  type BackwardBuffers,
  backwardBuffers,
  type BufferSet,
  type ForwardBuffers,
  forwardBuffers,
  segmentLayers,
} from "../model/activations.ts";
import { decoderBackward, decoderForward } from "../model/decoder.ts";
import type { AttentionBackwardContext, AttentionContext, Decoder } from "../model/decoder_types.ts";
import { BatchBuffers, type BatchCapacity, type DeviceBatch } from "../model/device_batch.ts";
import type { Parameters } from "../model/parameters.ts";
import { headBackward, type HeadBuffers, headBuffers, scoreSequences } from "../model/response_head.ts";

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
}

/** Makes the buffers for micro-batches up to `capacity`. */
export function createWorkspace(
  set: BufferSet,
  { decoder, policy, capacity, noise, checkpointing = false }: {
    decoder: Decoder;
    policy: Parameters;
    capacity: BatchCapacity;
    noise: boolean;
    /** Layers whose activations are kept at a time; false keeps those of all (default). */
    checkpointing?: boolean | number;
  },
): Workspace {
  const { config } = decoder;
  const segment = segmentLayers(checkpointing, config.numLayers);
  return {
    decoder,
    policy,
    batch: new BatchBuffers(set, { capacity }),
    forward: forwardBuffers(set, { config, capacity: capacity.tokens, segment, ranks: policy.ranks }),
    backward: backwardBuffers(set, { config, capacity: capacity.tokens, ranks: policy.ranks }),
    head: headBuffers(set, { config, entries: capacity.entries, noise }),
    dh: set.words(capacity.entries * config.hiddenSize, "gathered dhidden"),
  };
}

/** Records the policy's forward pass: overwrites the sequences' summed log-probabilities `out`. */
export function policyForward(
  commands: Commands,
  { decoder, policy, forward, head }: Workspace,
  { out, batch, attention }: { out: Slice; batch: DeviceBatch; attention: AttentionContext },
): void {
  decoderForward(commands, decoder, { parameters: policy, batch, buffers: forward, attention });
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
  { decoder, policy, forward, backward, head, dh }: Workspace,
  { batch, dlogp, attention }: {
    batch: DeviceBatch;
    dlogp: Slice;
    attention: AttentionContext & AttentionBackwardContext;
  },
): void {
  const { config } = decoder;
  const { entries } = batch;
  headBackward(commands, { decoder, parameters: policy, entries, buffers: head, dh, dlogp });
  scatterRows(commands, {
    dx: backward.dhidden,
    starts: batch.byToken.starts,
    entries: batch.byToken.entries,
    dy: dh,
    rows: batch.tokens,
    columns: config.hiddenSize,
  });
  decoderBackward(commands, decoder, {
    parameters: policy,
    batch,
    index: batch.embedding,
    buffers: forward,
    scratch: backward,
    attention,
  });
}
