/**
 * The low-rank adapters of a linear layer (LoRA, Hu et al. 2021): y += s·(x·Aᵀ)·Bᵀ, forward and backward, in PEFT's
 * order of factors. Modules that act as one matrix, such as q, k and v, share the product with their A.
 *
 * @module
 */
import type { Commands } from "../../kernels/device/commands.ts";
import type { Slice } from "../../kernels/device/slice.ts";
import { matmul } from "../../kernels/matmul/matmul.ts";
import { type AdapterDropout, droppedBackward, projectDropped } from "./dropped_low_rank.ts";
import type { AdapterParameter } from "./parameters.ts";

/** What {@linkcode addLowRank} reads and writes. */
export interface LowRankForward {
  /** Added to: [rows, outputs]. */
  y: Slice;
  /** Overwritten with x·Aᵀ: [rows, ranks]. */
  low: Slice;
  /** [rows, inputs]. */
  x: Slice;
  rows: number;
  /** Columns of y, those of modules without an adapter included. */
  outputs: number;
  /** Dropout of x before A; null or absent if nothing is dropped. */
  drop?: AdapterDropout | null;
}

/** Records y += s·(x·Aᵀ)·Bᵀ, with dropout of x if there is one. */
export function addLowRank(commands: Commands, adapter: AdapterParameter, call: LowRankForward): void {
  const { y, low, rows, outputs } = call;
  const { ranks, modules } = adapter;
  projectDown(commands, adapter, call);
  for (const { rank, scale, outputs: n, firstOutput, firstRank, firstUp } of modules) {
    matmul(commands, {
      mode: "NT",
      c: y,
      a: low,
      b: adapter.up.data,
      m: rows,
      n,
      k: rank,
      lda: ranks,
      ldc: outputs,
      aFirst: firstRank,
      bFirst: firstUp,
      cFirst: firstOutput,
      scale,
      accumulate: true,
    });
  }
}

function projectDown(
  commands: Commands,
  adapter: AdapterParameter,
  { low, x, rows, drop }: Pick<LowRankForward, "low" | "x" | "rows" | "drop">,
): void {
  const { down, ranks, inputs } = adapter;
  if (drop) return projectDropped(commands, adapter, { low, x, rows, drop });
  matmul(commands, { mode: "NT", c: low, a: x, b: down.data, m: rows, n: ranks, k: inputs });
}

/** What {@linkcode lowRankBackward} reads and writes. */
export interface LowRankBackward {
  /** Added to: [rows, inputs]; null if nothing needs it. */
  dx: Slice | null;
  /** Overwritten with the gradient of x·Aᵀ: [rows, ranks]. */
  dlow: Slice;
  /** Overwritten with x·Aᵀ, which the forward pass does not keep: [rows, ranks]. */
  low: Slice;
  /** [rows, outputs]. */
  dy: Slice;
  /** [rows, inputs]. */
  x: Slice;
  rows: number;
  outputs: number;
  /** The dropout of the forward pass. */
  drop?: AdapterDropout | null;
}

/** Records dx += s·dy·B·A, dB += s·dyᵀ·(x·Aᵀ) and dA += s·(dy·B)ᵀ·x. Gradients of a frozen adapter are left out. */
export function lowRankBackward(commands: Commands, adapter: AdapterParameter, call: LowRankBackward): void {
  const { dx, dlow, low, dy, x, rows, outputs, drop } = call;
  const { down, up, ranks, inputs, modules } = adapter;
  if (up.gradient) projectDown(commands, adapter, call);
  for (const { rank, scale, outputs: n, firstOutput, firstRank, firstUp } of modules) {
    matmul(commands, {
      mode: "NN",
      c: dlow,
      a: dy,
      b: up.data,
      m: rows,
      n: rank,
      k: n,
      lda: outputs,
      ldc: ranks,
      aFirst: firstOutput,
      bFirst: firstUp,
      cFirst: firstRank,
      scale,
    });
    if (!up.gradient) continue;
    matmul(commands, {
      mode: "TN",
      c: up.gradient,
      a: dy,
      b: low,
      m: n,
      n: rank,
      k: rows,
      lda: outputs,
      ldb: ranks,
      aFirst: firstOutput,
      bFirst: firstRank,
      cFirst: firstUp,
      scale,
      accumulate: true,
    });
  }
  if (drop) return droppedBackward(commands, adapter, { dx, low: dlow, x, rows, drop });
  if (down.gradient) {
    matmul(commands, {
      mode: "TN",
      c: down.gradient,
      a: dlow,
      b: x,
      m: ranks,
      n: inputs,
      k: rows,
      accumulate: true,
    });
  }
  if (dx) {
    matmul(commands, { mode: "NN", c: dx, a: dlow, b: down.data, m: rows, n: inputs, k: ranks, accumulate: true });
  }
}
