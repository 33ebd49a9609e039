/** Whole logits, for sampling a few rows. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import { type Slice, subslice } from "../../kernels/device/device.ts";
import { matmul } from "../../kernels/matmul/matmul.ts";
import { windowOf, windows } from "../../kernels/window.ts";
import type { ModelConfig } from "../checkpoint/model_config.ts";
import { headName } from "./parameter_names.ts";
import type { ParameterBuffers } from "./parameters.ts";

/** Records logits [rows, vocab] = hidden [rows, D] · headᵀ; one product for each binding's worth of the head. */
export function recordLogits(
  commands: Commands,
  { logits, hidden, rows, config, weights }: {
    logits: Slice;
    hidden: Slice;
    rows: number;
    config: ModelConfig;
    weights: ParameterBuffers;
  },
): void {
  const rowBytes = config.hiddenSize * 4;
  const head = weights.view(headName(config));
  // Windows begin at multiples of 64 so that their columns of the logits begin at slice alignment.
  for (const window of windows(commands.device, config.vocabSize, { rowBytes, multiple: 64 })) {
    matmul(commands, {
      mode: "NT",
      c: subslice(logits, window.first * 4, logits.size - window.first * 4),
      a: hidden,
      b: windowOf(head, window, rowBytes),
      m: rows,
      n: window.rows,
      k: config.hiddenSize,
      ldc: config.vocabSize,
    });
  }
}
