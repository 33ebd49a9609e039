/** Merges symbols by rank, in time linear in their number but for a logarithm. @module */
import type { PairTable } from "./pair_table.ts";

/** The ranks of pairs, and what each rank makes of its pair. */
export interface Merges {
  merges: PairTable;
  made: Int32Array;
}

/** Up to this many symbols, looking for the least rank again and again is faster than a heap. */
const FEW = 40;

/** Keys of the heap are a rank times this, plus a place. */
const PLACES = 2 ** 28;

/**
 * Merges the pair of the least rank, among several the leftmost, until no pair is left that has a rank. Returns the
 * number of symbols that are left, at the beginning of `symbols`.
 */
export function mergeAll(symbols: number[], merges: Merges): number {
  return symbols.length <= FEW ? mergeFew(symbols, merges) : mergeMany(symbols, merges);
}

function mergeFew(symbols: number[], { merges, made }: Merges): number {
  let count = symbols.length;
  const ranks: number[] = [];
  for (let i = 0; i + 1 < count; i++) ranks.push(merges.get(symbols[i]!, symbols[i + 1]!));
  for (;;) {
    let best = -1;
    let least = Infinity;
    for (let i = 0; i + 1 < count; i++) {
      const rank = ranks[i]!;
      if (rank !== -1 && rank < least) {
        least = rank;
        best = i;
      }
    }
    if (best === -1) return count;
    symbols[best] = made[least]!;
    count--;
    for (let i = best + 1; i < count; i++) {
      symbols[i] = symbols[i + 1]!;
      ranks[i - 1] = ranks[i]!;
    }
    if (best > 0) ranks[best - 1] = merges.get(symbols[best - 1]!, symbols[best]!);
    if (best + 1 < count) ranks[best] = merges.get(symbols[best]!, symbols[best + 1]!);
  }
}

function mergeMany(symbols: number[], { merges, made }: Merges): number {
  const count = symbols.length;
  const previous = Int32Array.from(symbols, (_, i) => i - 1);
  const next = Int32Array.from(symbols, (_, i) => i + 1 < count ? i + 1 : -1);
  const heap: number[] = [];
  const add = (place: number): void => {
    const after = next[place]!;
    if (after === -1) return;
    const rank = merges.get(symbols[place]!, symbols[after]!);
    if (rank !== -1) push(heap, rank * PLACES + place);
  };
  for (let i = 0; i < count; i++) add(i);
  while (heap.length > 0) {
    const key = pop(heap);
    const rank = Math.floor(key / PLACES);
    const place = key - rank * PLACES;
    // A symbol that was merged into the one before it is −1.
    const after = next[place]!;
    if (symbols[place] === -1 || after === -1 || merges.get(symbols[place]!, symbols[after]!) !== rank) continue;
    symbols[place] = made[rank]!;
    symbols[after] = -1;
    next[place] = next[after]!;
    if (next[place] !== -1) previous[next[place]!] = place;
    if (previous[place] !== -1) add(previous[place]!);
    add(place);
  }
  let left = 0;
  for (let i = 0; i < count; i++) if (symbols[i] !== -1) symbols[left++] = symbols[i]!;
  return left;
}

function push(heap: number[], key: number): void {
  let at = heap.length;
  heap.push(key);
  while (at > 0) {
    const above = (at - 1) >> 1;
    if (heap[above]! <= key) break;
    heap[at] = heap[above]!;
    at = above;
  }
  heap[at] = key;
}

function pop(heap: number[]): number {
  const least = heap[0]!;
  const key = heap.pop()!;
  const count = heap.length;
  if (count === 0) return least;
  let at = 0;
  for (;;) {
    let below = 2 * at + 1;
    if (below >= count) break;
    if (below + 1 < count && heap[below + 1]! < heap[below]!) below++;
    if (heap[below]! >= key) break;
    heap[at] = heap[below]!;
    at = below;
  }
  heap[at] = key;
  return least;
}
