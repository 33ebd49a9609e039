/** Whole logits, for sampling a few rows. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import { type Slice, subslice } from "../../kernels/device/slice.ts";
import { matmul } from "../../kernels/matmul/matmul.ts";
import { STORAGE_FACTS } from "../../kernels/storage/storage.ts";
import { windowOf, windows } from "../../kernels/window.ts";
import { announceProduct } from "./announced_work.ts";
import type { Parameters } from "./parameters.ts";
import type { HeadShape } from "./response_head.ts";
import { vocabularyMatrix } from "./token_embedding.ts";

/** Records logits [rows, vocab] = hidden [rows, D] · headᵀ, in one product for each binding-sized part of the head. */
export function recordLogits(
  commands: Commands,
  { logits, hidden, rows, decoder: { config, tensors }, parameters }: {
    logits: Slice;
    hidden: Slice;
    rows: number;
    decoder: HeadShape;
    parameters: Parameters;
  },
): void {
  const { data: head, storage } = vocabularyMatrix(parameters, tensors.head);
  const rowBytes = config.hiddenSize * STORAGE_FACTS[storage].bits / 8;
  // Windows begin at multiples of 64 so that their columns of the logits begin at slice alignment.
  for (const window of windows(commands.device, config.vocabSize, { rowBytes, multiple: 64, of: head })) {
    announceProduct(commands, { rows, elements: window.rows * config.hiddenSize });
    matmul(commands, {
      mode: "NT",
      c: subslice(logits, window.first * 4, logits.size - window.first * 4),
      a: hidden,
      b: windowOf(head, window, rowBytes),
      bType: storage,
      m: rows,
      n: window.rows,
      k: config.hiddenSize,
      ldc: config.vocabSize,
    });
  }
}
