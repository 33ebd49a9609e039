/** The LM head over a batch's response positions. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { Slice } from "../../kernels/device/slice.ts";
import { lmHeadBackward, lmHeadForward, type LmHeadInputs } from "../../kernels/lm_head/lm_head.ts";
import { type LmHeadNoiseScratch, lmHeadScratch } from "../../kernels/lm_head/lm_head_tiles.ts";
import { sequenceSum } from "../../kernels/loss/sequence_sum.ts";
import { gatherRows } from "../../kernels/rows/gather_rows.ts";
import type { BufferSet } from "./activations.ts";
import type { Decoder } from "./decoder_types.ts";
import type { EntryBuffers } from "./device_batch.ts";
import type { ModelConfig } from "./families/family.ts";
import type { Parameters } from "./parameters.ts";
import { vocabularyMatrix } from "./token_embedding.ts";

/** What scoring needs of a decoder. */
export type HeadShape = Pick<Decoder, "config" | "tensors">;

/** Scratch and results of scoring up to a capacity of entries. */
export interface HeadBuffers {
  readonly scratch: LmHeadNoiseScratch;
  /** Gathered hidden states: [entries, hidden]. */
  readonly h: Slice;
  readonly logp: Slice; // [entries]
  readonly lse: Slice; // [entries]
}

/** Allocates the buffers. Without `noise`, the scratch for the noise's logits is a single word. */
export function headBuffers(
  set: BufferSet,
  { config, entries, noise }: { config: ModelConfig; entries: number; noise: boolean },
): HeadBuffers {
  const plan = lmHeadScratch(set.device, { maxRows: entries, vocab: config.vocabSize, hidden: config.hiddenSize });
  return {
    scratch: {
      plan,
      state: set.words(plan.bytes.state / 4, "lm head state", "LM head"),
      logits: set.words(plan.bytes.logits / 4, "lm head logits", "LM head"),
      noiseLogits: set.words(noise ? plan.bytes.noiseLogits / 4 : 1, "lm head noise logits", "LM head"),
    },
    h: set.words(entries * config.hiddenSize, "gathered hidden"),
    logp: set.words(entries, "entry logps"),
    lse: set.words(entries, "entry log-sum-exp"),
  };
}

/** The inputs that every LM head function takes, for entries whose hidden states lie in `h`. */
export function headInputs(
  { decoder: { config, tensors }, parameters, entries, h, scratch }: {
    decoder: HeadShape;
    parameters: Parameters;
    entries: EntryBuffers;
    h: Slice;
    scratch: LmHeadNoiseScratch;
  },
): LmHeadInputs & { scratch: LmHeadNoiseScratch } {
  const { data, storage } = vocabularyMatrix(parameters, tensors.head);
  return {
    h,
    weight: data,
    storage,
    target: entries.target,
    rows: entries.count,
    hidden: config.hiddenSize,
    vocab: config.vocabSize,
    scratch,
  };
}

/** Records h = the hidden states of the entries' tokens. */
export function gatherEntries(
  commands: Commands,
  { h, hidden, entries, tokens, config }: {
    h: Slice;
    hidden: Slice;
    entries: EntryBuffers;
    tokens: number;
    config: ModelConfig;
  },
): void {
  gatherRows(commands, {
    out: h,
    x: hidden,
    index: entries.index,
    rows: entries.count,
    sourceRows: tokens,
    columns: config.hiddenSize,
  });
}

/**
 * Records the summed log-probability of each sequence into `out` [sequences], from the decoder's `hidden`; into `top`, if
 * it is given, each entry's most probable token, as the LM head has it.
 */
export function scoreSequences(
  commands: Commands,
  { out, top, decoder, parameters, hidden, tokens, entries, buffers }: {
    out: Slice;
    top?: Slice;
    decoder: HeadShape;
    parameters: Parameters;
    hidden: Slice;
    tokens: number;
    entries: EntryBuffers;
    buffers: HeadBuffers;
  },
): void {
  const { h, logp, lse, scratch } = buffers;
  gatherEntries(commands, { h, hidden, entries, tokens, config: decoder.config });
  lmHeadForward(commands, {
    ...headInputs({ decoder, parameters, entries, h, scratch }),
    logp,
    lse,
    ...(top && { top }),
  });
  sequenceSum(commands, { out, x: logp, starts: entries.starts, sequences: entries.sequences });
}

/**
 * Records the gradients of the entries' log-probabilities: overwrites dh [entries, hidden], and adds to that of the
 * head's matrix if it is trained. `dlogp` are the derivatives by the sequences' sums.
 */
export function headBackward(
  commands: Commands,
  { decoder, parameters, entries, buffers, dh, dlogp }: {
    decoder: HeadShape;
    parameters: Parameters;
    entries: EntryBuffers;
    buffers: HeadBuffers;
    dh: Slice;
    dlogp: Slice;
  },
): void {
  const { h, lse, scratch } = buffers;
  const { gradient: dweight } = parameters.get(decoder.tensors.head.name);
  lmHeadBackward(commands, {
    ...headInputs({ decoder, parameters, entries, h, scratch }),
    dh,
    ...(dweight && { dweight }),
    lse,
    dlogp,
    sequence: entries.sequence,
  });
}
