/** Says which rows of a file are read. @module */

/** The rows with indices `from` to `to` − 1; if `only` is set, those of its indices (ascending) in that range. */
export interface Wanted {
  readonly from: number;
  readonly to: number;
  readonly only?: Uint32Array;
}

/** Every row. */
export const ALL_ROWS: Wanted = { from: 0, to: Infinity };

/** No row: reading then only counts the rows. */
export const NO_ROWS: Wanted = { from: Infinity, to: Infinity };

/** The same rows counted from row `first` on. */
export function wantedFrom({ from, to, only }: Wanted, first: number): Wanted {
  const rest = only?.subarray(lowerBound(only, first)).map((row) => row - first);
  return { from: Math.max(0, from - first), to: to - first, ...(rest && { only: rest }) };
}

/** Returns a test for whether a row is wanted, for rows that come in ascending order. */
export function picker({ from, to, only }: Wanted): (row: number) => boolean {
  if (!only) return (row) => row >= from && row < to;
  let at = lowerBound(only, from);
  return (row) => {
    while (at < only.length && only[at]! < row) at++;
    return row < to && only[at] === row;
  };
}

/** The index of the first entry that is not below `value`. */
function lowerBound(ascending: Uint32Array, value: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
