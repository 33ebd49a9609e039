/** What one of several ranks holds on its device, from what one process alone holds. @module */
import type { PartBytes } from "../../kernels/device/rehearsal.ts";
import { alignSlice } from "../../kernels/device/slice.ts";
import { largest } from "../values.ts";
import type { MemoryPart } from "../model/memory_parts.ts";
import { gradientBuffers, type RankSettings } from "./rank_settings.ts";
import { ownedBounds, type TrainedChunks } from "./trained_chunks.ts";

/** How the chunks are trained. */
export interface RankMemory {
  settings: RankSettings;
  trained: TrainedChunks;
  /** Moments that the optimizer keeps of each number. */
  moments: number;
}

/**
 * The bytes by part of the rank that holds the most, while it trains. Of gradients it has a buffer for each level of its
 * own shards' tree, and of what is not adapters the moments of its own slices alone.
 */
export function partsOfRank(parts: PartBytes, { settings, trained, moments }: RankMemory): PartBytes {
  const own = new Map(parts);
  const add = (part: MemoryPart, bytes: number): void => {
    if (bytes !== 0) own.set(part, (own.get(part) ?? 0) + bytes);
  };
  const all = [...trained.policy, ...trained.noise].reduce((a, b) => a + b, 0);
  add("gradients", (gradientBuffers(settings) - 1) * 4 * all);
  if (settings.ranks === 1) return own;
  if (!trained.isAdapter) add("moments", moments * -savedBytes(trained.policy, settings.ranks));
  add("noise generator", moments * -savedBytes(trained.noise, settings.ranks));
  return own;
}

/** Bytes of float32 numbers that a rank does not hold since it holds its slice of each chunk alone. */
function savedBytes(chunks: readonly number[], ranks: number): number {
  const bounds = chunks.map((elements) => ownedBounds(elements, ranks));
  const most = largest(
    Array.from({ length: ranks }, (_, part) => part),
    (part) => bounds.reduce((sum, at) => sum + alignSlice(4 * (at[part + 1]! - at[part]!)), 0),
  );
  return chunks.reduce((sum, elements) => sum + 4 * elements, 0) - most;
}
