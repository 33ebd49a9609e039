/**
 * Low-rank adapters whose inputs lose a share at random (`lora_dropout`): each module has a mask of its own, as in PEFT,
 * so that their products with A are apart.
 *
 * @module
 */
import type { Commands } from "../../kernels/device/commands.ts";
import type { Slice } from "../../kernels/device/slice.ts";
import { matmul } from "../../kernels/matmul/matmul.ts";
import { dropout, type DropoutPlace } from "../../kernels/random/dropout.ts";
import type { AdapterParameter } from "./parameters.ts";

/** The dropout of a batch's tokens, and scratch for it. */
export interface AdapterDropout extends DropoutPlace {
  /** Scratch: [T, the most inputs of a module]. */
  dropped: Slice;
}

/** What the products with A read and write. */
interface Dropped {
  /** x·Aᵀ, or its gradient: [rows, ranks]. */
  low: Slice;
  /** [rows, inputs]. */
  x: Slice;
  rows: number;
  drop: AdapterDropout;
}

/** Records low = drop(x)·Aᵀ, module by module. */
export function projectDropped(
  commands: Commands,
  { down, ranks, inputs, modules }: AdapterParameter,
  { low, x, rows, drop }: Dropped,
): void {
  for (const { index, rank, firstRank } of modules) {
    dropout(commands, { ...drop, y: drop.dropped, x, module: index, rows, columns: inputs });
    matmul(commands, {
      mode: "NT",
      c: low,
      a: drop.dropped,
      b: down.data,
      m: rows,
      n: rank,
      k: inputs,
      ldc: ranks,
      bFirst: firstRank * inputs,
      cFirst: firstRank,
    });
  }
}

/** Records dA += lowᵀ·drop(x) and dx += drop(low·A), module by module, where `low` is the gradient at x·Aᵀ. */
export function droppedBackward(
  commands: Commands,
  { down, ranks, inputs, modules }: AdapterParameter,
  { dx, low, x, rows, drop }: Dropped & { dx: Slice | null },
): void {
  const { dropped } = drop;
  for (const { index: module, rank, firstRank } of modules) {
    const firstDown = firstRank * inputs;
    if (down.gradient) {
      dropout(commands, { ...drop, y: dropped, x, module, rows, columns: inputs });
      matmul(commands, {
        mode: "TN",
        c: down.gradient,
        a: low,
        b: dropped,
        m: rank,
        n: inputs,
        k: rows,
        lda: ranks,
        aFirst: firstRank,
        cFirst: firstDown,
        accumulate: true,
      });
    }
    if (!dx) continue;
    matmul(commands, {
      mode: "NN",
      c: dropped,
      a: low,
      b: down.data,
      m: rows,
      n: inputs,
      k: rank,
      lda: ranks,
      aFirst: firstRank,
      bFirst: firstDown,
    });
    dropout(commands, { ...drop, y: dx, x: dropped, module, rows, columns: inputs, accumulate: true });
  }
}
