/** What ranks exchange in an optimizer step: bytes, copies and sums of the numbers that are trained. @module */
import { SLICE_ALIGNMENT } from "../../kernels/device/slice.ts";
import { NORM_BLOCK } from "../../kernels/optimizer/gradient_norm.ts";
import { gatheredBytes, summedBytes } from "../cluster/traffic.ts";
import { evenBounds } from "../cluster/transport.ts";
import type { IterationConfig } from "../config/config_types.ts";
import { chunkBounds, sharedBounds } from "../train/owned_slices.ts";
import { planPasses } from "../train/step_passes.ts";
import { largest } from "../values.ts";
import type { RankSettings } from "./rank_settings.ts";
import type { TrainedChunks } from "./trained_chunks.ts";

/** The exchanges of a step, of the rank that has the most of each. */
export interface StepExchange {
  /** Sums and gatherings, each with as many messages as the ranks' tree has levels. */
  collectives: number;
  /** Bytes that a rank sends. */
  sent: number;
  /** Bytes that a rank copies from its device. */
  down: number;
  /** Bytes that a rank copies to its device. */
  up: number;
  /** Numbers that a rank's processor adds up. */
  added: number;
}

/** How often a step updates a group. */
export interface StepPasses {
  policy: number;
  noise: number;
  /** Passes over the batch. */
  all: number;
}

/** The passes of a step, each of which exchanges the gradients of what it updates. */
export function passesOf({ noise }: Pick<IterationConfig, "noise">): StepPasses {
  const passes = planPasses(noise);
  const count = (kind: "model" | "noise"): number => passes.filter((pass) => pass[kind]).length;
  return { policy: count("model"), noise: count("noise"), all: passes.length };
}

/**
 * What a step takes. The metrics of each pass are gathered. Gradients are summed, each rank getting those of its slices.
 * Adapters have their sums gathered, and every rank updates all; of other numbers each rank updates its slices, for which
 * the parts of the norm are gathered, and then the new values.
 */
export function stepExchange(
  trained: TrainedChunks,
  { settings: { ranks, gradientDtype: dtype }, passes }: { settings: RankSettings; passes: StepPasses },
): StepExchange {
  if (ranks === 1) return { collectives: 0, sent: 0, down: 0, up: 0, added: 0 };
  const parts = Array.from({ length: ranks }, (_, part) => part);
  const step = { collectives: passes.all, down: passes.all * SLICE_ALIGNMENT, up: passes.all * SLICE_ALIGNMENT };
  const row = Array.from({ length: ranks + 1 }, (_, i) => i * SLICE_ALIGNMENT);
  const sent = parts.map((part) => passes.all * gatheredBytes(row, part));
  const added = parts.map(() => 0);
  for (const group of ["policy", "noise"] as const) {
    const isShared = group === "policy" && trained.isAdapter;
    const times = passes[group];
    for (const elements of trained[group]) {
      const bounds = (isShared ? sharedBounds : chunkBounds)(elements, ranks);
      const blocks = evenBounds(Math.ceil(elements / NORM_BLOCK), ranks);
      const own = (part: number): number => bounds[part + 1]! - bounds[part]!;
      for (const part of parts) {
        sent[part]! += times * (summedBytes(bounds, part, dtype) + gatheredBytes(inBytes(bounds), part));
        if (!isShared) sent[part]! += times * gatheredBytes(inBytes(blocks), part);
        // In each level of the tree it adds what it keeps: the pieces that it gives where parts are gathered.
        added[part]! += times * gatheredBytes(bounds, part);
      }
      const slice = isShared ? 0 : largest(parts, own);
      const norm = isShared ? 0 : blocks.at(-1)!;
      step.collectives += times * (isShared ? 2 : 3);
      step.down += times * 4 * (elements + slice + norm);
      step.up += times * 4 * (elements + norm);
    }
  }
  return { ...step, sent: largest(sent, (bytes) => bytes), added: largest(added, (count) => count) };
}

function inBytes(bounds: readonly number[]): number[] {
  return bounds.map((bound) => 4 * bound);
}
