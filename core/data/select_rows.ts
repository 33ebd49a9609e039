/** Chooses which rows of several sets are read, and in which order. @module */
import { philox4x32, type Words4 } from "../../kernels/random/philox.ts";
import { philoxKey } from "../../kernels/random/philox_key.ts";
import type { OpenSet } from "./formats/data_sources.ts";
import { countRows, readFileRows } from "./formats/file_rows.ts";
import type { JsonRow } from "./formats/json_rows.ts";
import { isAbsolute, resolveRowRange } from "./formats/row_range.ts";
import { type Wanted, wantedFrom } from "./formats/wanted_rows.ts";

/** How rows are chosen and ordered. */
export interface OrderOptions {
  /** Whether they are shuffled (default false). */
  shuffle?: boolean;
  /** Seed of the shuffling, and of the choice from sets with a weight below 1 (default 42). */
  seed?: number;
  /** Returns how many more rows are wanted; called while reading. */
  missing: () => number;
  /** The columns of a set that can be of use; others may be left out. */
  columnsOf?: (set: OpenSet) => readonly string[];
}

/** A row of one of several sets; `row` is its index in the order of reading, over all sets. */
export type SetRow = JsonRow & { set: OpenSet };

/**
 * Reads the sets one after the other, or shuffled. The choice and the order depend only on Philox's words under the key
 * (seed, 4 · 2²⁴); docs/method.md, "The random numbers", describes the key. If a set of n rows (after its slice,
 * malformed ones counted) has a weight w < 1, its rows i are sorted by the words at counter (i, set + 1, 0, 0), and the
 * first ⌊w·n⌋ are taken, in the file's order. To shuffle, the rows of all sets are sorted by the words at counter
 * (i, 0, 0, 0).
 */
export async function* readSets(sets: readonly OpenSet[], options: OrderOptions): AsyncGenerator<SetRow> {
  const { shuffle = false, missing } = options;
  if (!shuffle && sets.every(({ weight }) => weight === 1)) yield* readInOrder(sets, options);
  else yield* readPicked(sets, { ...options, shuffle, missing });
}

/** Reads sets in order. It counts their rows only if a slice needs that, so that reading can stop early. */
async function* readInOrder(sets: readonly OpenSet[], { columnsOf }: OrderOptions): AsyncGenerator<SetRow> {
  let first = 0;
  for (const set of sets) {
    const range = await rangeOf(set);
    const rows = readSet(set, { wanted: range, columns: columnsOf?.(set) });
    for (;;) {
      const next = await rows.next();
      if (next.done) {
        first += Math.max(0, Math.min(range.to, next.value) - range.from);
        break;
      }
      yield { ...next.value, row: first + next.value.row - range.from, set };
    }
  }
}

async function* readPicked(sets: readonly OpenSet[], options: OrderOptions): AsyncGenerator<SetRow> {
  const { shuffle, seed = 42, missing, columnsOf } = options;
  const key = philoxKey(seed, { iteration: 0, purpose: "data" });
  // The chosen rows in the order of the sets: the set's index, and the row in it.
  const picked: { set: number; row: number }[] = [];
  for (const [k, set] of sets.entries()) {
    const { from, to } = resolveRowRange(set.slice ?? { from: null, to: null, unit: "rows" }, await countSet(set));
    for (const i of pickShare(Math.max(0, to - from), { weight: set.weight, key, set: k })) {
      picked.push({ set: k, row: from + i });
    }
  }
  const order = shuffle ? sortByWords(picked.length, (i) => philox4x32([i, 0, 0, 0], key)) : picked.map((_, i) => i);
  // Reads as many as are missing; if some of them were malformed, each further pass doubles the rows read so far.
  for (let done = 0; done < order.length && missing() > 0;) {
    const positions = [...order.slice(done, done + Math.max(done, Math.min(missing(), order.length)))].map((i) =>
      picked[i]!
    );
    const found = new Map<string, SetRow>();
    for (const [k, set] of sets.entries()) {
      const only = Uint32Array.from(positions.filter((place) => place.set === k), ({ row }) => row).sort();
      if (only.length === 0) continue;
      const wanted = { from: only[0]!, to: only.at(-1)! + 1, only };
      for await (const row of readSet(set, { wanted, columns: columnsOf?.(set) })) {
        found.set(`${k} ${row.row}`, { ...row, set });
      }
    }
    for (const { set, row } of positions) {
      const read = found.get(`${set} ${row}`);
      if (read) yield { ...read, row: done };
      done++;
    }
  }
}

/** The range of the set's slice; its end is Infinity if the set need not be counted. */
async function rangeOf(set: OpenSet): Promise<{ from: number; to: number }> {
  const { slice } = set;
  if (slice === null) return { from: 0, to: Infinity };
  if (isAbsolute(slice)) return { from: slice.from ?? 0, to: slice.to ?? Infinity };
  return resolveRowRange(slice, await countSet(set));
}

async function countSet({ files }: OpenSet): Promise<number> {
  let count = 0;
  for (const file of files) count += await countRows(file);
  return count;
}

/** Yields the wanted rows of a set, with indices that go on from file to file; returns how many it went through. */
async function* readSet(
  { files }: OpenSet,
  { wanted, columns }: { wanted: Wanted; columns: readonly string[] | undefined },
): AsyncGenerator<JsonRow, number> {
  let first = 0;
  for (const file of files) {
    if (first >= wanted.to) break;
    const rows = readFileRows(file, { wanted: wantedFrom(wanted, first), ...(columns && { columns }) });
    for (;;) {
      const next = await rows.next();
      if (next.done) {
        first += next.value;
        break;
      }
      yield { ...next.value, row: first + next.value.row };
    }
  }
  return first;
}

/** The indices, ascending, of the rows that are taken from a set of `count` rows, as {@linkcode readSets} describes. */
function pickShare(
  count: number,
  { weight, key, set }: { weight: number; key: readonly [number, number]; set: number },
): ArrayLike<number> & Iterable<number> {
  if (weight === 1) return Uint32Array.from({ length: count }, (_, i) => i);
  return sortByWords(count, (i) => philox4x32([i, set + 1, 0, 0], key)).slice(0, Math.floor(weight * count)).sort();
}

/** The indices 0 … count − 1, sorted by the first two words of each. */
function sortByWords(count: number, wordsOf: (i: number) => Words4): Uint32Array {
  const [high, low] = [new Uint32Array(count), new Uint32Array(count)];
  for (let i = 0; i < count; i++) [high[i], low[i]] = wordsOf(i) as unknown as [number, number];
  return Uint32Array.from({ length: count }, (_, i) => i).sort((a, b) =>
    high[a]! - high[b]! || low[a]! - low[b]! || a - b
  );
}
