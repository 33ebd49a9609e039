/** Makes tokens that a row already has less probable (Keskar et al. 2019, as transformers has it). @module */
import source from "./repetition_penalty.wgsl" with { type: "text" };
import { type Commands, grid } from "../device/commands.ts";
import { INVOCATION } from "../device/invocation.ts";
import { defineKernel } from "../device/kernel.ts";
import type { Slice } from "../device/slice.ts";

const kernel = defineKernel({
  name: "repetition_penalty",
  code: [INVOCATION, { name: "kernels/sampling/repetition_penalty.wgsl", text: source }],
  bindings: { logits: "readWrite", seen: "readWrite", token: "read", slot: "read" },
  uniforms: { rows: "u32", vocab: "u32", words: "u32", penalty: "f32" },
});

/** Buffers and settings of {@linkcode repetitionPenalty}. */
export interface RepetitionPenalty {
  /** Updated: f32 [rows, vocabSize]. */
  logits: Slice;
  /** The tokens that the rows have, updated: u32 [slots, {@linkcode seenWords}]. */
  seen: Slice;
  /** u32 [rows]: each row's last token. */
  token: Slice;
  /** u32 [rows]: each row's place in `seen`. */
  slot: Slice;
  rows: number;
  vocabSize: number;
  /** Above 0; 1 changes nothing, and larger makes repetitions less probable. */
  penalty: number;
}

/** Words of a row in `seen`. */
export function seenWords(vocabSize: number): number {
  return Math.ceil(vocabSize / 32);
}

/** A row of `seen` that has these tokens. */
export function seenTokens(ids: readonly number[], vocabSize: number): Uint32Array<ArrayBuffer> {
  const seen = new Uint32Array(seenWords(vocabSize));
  for (const id of ids) seen[id >>> 5]! |= 1 << (id & 31);
  return seen;
}

/**
 * Records logit z ← z / penalty, or z · penalty where z < 0, for every token that its row has; the last one is added to
 * `seen` before.
 */
export function repetitionPenalty(
  commands: Commands,
  { logits, seen, token, slot, rows, vocabSize, penalty }: RepetitionPenalty,
): void {
  const words = seenWords(vocabSize);
  const lanes = commands.device.rowLanes;
  commands.dispatch(kernel, {
    buffers: { logits, seen, token, slot },
    uniforms: { rows, vocab: vocabSize, words, penalty },
    workgroups: grid(commands.device, Math.ceil(rows * words / lanes)),
    constants: { LANES: lanes },
  });
}
