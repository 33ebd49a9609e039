/** How the rows of a step are cut into shards, and which shards a rank holds. @module */
import { UserError } from "../error.ts";
import { isPowerOfTwo } from "./transport.ts";

/**
 * Cuts rows into shards of about as many tokens: the longest row first, ties in order of the rows, each to the shard with
 * the fewest tokens, ties to the lowest. `tokens` [rows] are each row's. Returns the rows of each shard, ascending; a shard
 * may be empty.
 *
 * Source: R. L. Graham, Bounds on multiprocessing timing anomalies, 1969 (longest processing time first).
 */
export function cutShards(tokens: readonly number[], shards: number): number[][] {
  // Sorting keeps the order of ties.
  const order = tokens.map((_, row) => row).sort((a, b) => tokens[b]! - tokens[a]!);
  const rows: number[][] = Array.from({ length: shards }, () => []);
  const load = new Array<number>(shards).fill(0);
  for (const row of order) {
    let least = 0;
    for (let shard = 1; shard < shards; shard++) if (load[shard]! < load[least]!) least = shard;
    rows[least]!.push(row);
    load[least]! += tokens[row]!;
  }
  for (const own of rows) own.sort((a, b) => a - b);
  return rows;
}

/** The shards that a rank holds: `count` of them from `first` on. */
export interface HeldShards {
  /** Number of the first, from 0. */
  first: number;
  /** How many, a power of two: together they are one node of the tree. */
  count: number;
}

/** Which of `shards` shards rank `rank` of `size` holds. Throws a UserError where they cannot be dealt out evenly. */
export function heldShards(shards: number, { rank, size }: { rank: number; size: number }): HeldShards {
  if (!isPowerOfTwo(shards)) throw new UserError(`Cannot cut a step into ${shards} shards, expected a power of two`);
  if (shards % size !== 0) {
    const fitting = Array.from({ length: Math.log2(shards) + 1 }, (_, i) => 2 ** i).join(", ");
    const s = shards === 1 ? "" : "s";
    const more = isPowerOfTwo(size) ? ` (or distributed.shards=${size})` : "";
    throw new UserError(
      `Cannot deal ${shards} shard${s} of distributed.shards to ${size} ranks, expected ${fitting} rank${s}${more}`,
    );
  }
  const count = shards / size;
  return { first: rank * count, count };
}
