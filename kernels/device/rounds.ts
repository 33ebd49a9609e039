/** Rounds of a shader's loops, which Mesa's driver for CPUs ends early. @module */
import type { Device } from "./device.ts";

/**
 * What lavapipe grants: it ends all loops of an invocation after so many rounds in total, whatever their conditions and
 * without an error. A loop within another counts each time, with a round for the check that ends it; lanes that are one
 * vector count together.
 */
const MOST_ROUNDS = 65_535;

/** What decides how many rounds a device grants. */
export type RoundsDevice = Pick<Device, "family" | "lavapipe">;

/** Rounds that an invocation's loops may have in total; lavapipe may run a GPU's kernels too. */
export function mostRounds({ family, lavapipe }: RoundsDevice): number {
  return family === "cpu" || lavapipe !== null ? MOST_ROUNDS : Infinity;
}

/** Throws RangeError if `count` of what a kernel's lanes loop over would end its loops early. */
export function checkRounds(
  kernel: string,
  { what, count, most }: { what: string; count: number; most: number },
): void {
  if (count <= most) return;
  throw new RangeError(
    `Cannot dispatch "${kernel}": ${count} ${what}, expected at most ${most}: a CPU's driver ends longer loops early`,
  );
}

/**
 * How many workgroups share the columns of a row, where a lane adds up to `most` rows for each of its columns: one, or as
 * many as loops of that length need. Throws RangeError where even a single column would be too much.
 */
export function columnGroups(
  device: RoundsDevice,
  { kernel, columns, lanes, most }: { kernel: string; columns: number; lanes: number; most: number },
): number {
  const granted = mostRounds(device);
  if (granted === Infinity) return 1;
  // A column takes a round of its own and one that ends the loop over rows; another ends the loop over columns.
  checkRounds(kernel, { what: "rows of one index", count: most, most: granted - 3 });
  const share = Math.floor((granted - 1) / (most + 2));
  return Math.max(1, Math.ceil(Math.ceil(columns / lanes) / share));
}

/** The largest difference of neighbours: where lists begin, the length of the longest. */
export function longest(starts: ArrayLike<number>): number {
  let most = 0;
  for (let i = 1; i < starts.length; i++) most = Math.max(most, starts[i]! - starts[i - 1]!);
  return most;
}
