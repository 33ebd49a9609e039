/** Rows to train on as bytes, to be sent to other processes. @module */
import type { ExampleIds, PairIds } from "../model/pack.ts";
import { exampleRows, pairRows, places, type TrainingRows } from "./training_rows.ts";

const PAIRS = 0;
const EXAMPLES = 1;

/**
 * Rows as little-endian words: their kind and number; of each its index in its file, the number and the lengths of its
 * lists of ids, the ids, and the number and the values of its loss mask.
 */
export function rowsToBytes(data: TrainingRows): Uint8Array<ArrayBuffer> {
  let length = 2;
  for (const place of places(data)) {
    length += 3 + (data.lossMask(place)?.length ?? 0);
    for (const ids of data.ids(place)) length += 1 + ids.length;
  }
  const words = new Uint32Array(length);
  words.set([data.kind === "pairs" ? PAIRS : EXAMPLES, data.length]);
  let at = 2;
  for (const place of places(data)) {
    const lists = data.ids(place);
    const mask = data.lossMask(place) ?? [];
    words.set([data.example(place), lists.length, ...lists.map((ids) => ids.length)], at);
    at += 2 + lists.length;
    for (const ids of lists) {
      words.set(ids, at);
      at += ids.length;
    }
    words.set([mask.length], at++);
    words.set(mask.map(Number), at);
    at += mask.length;
  }
  return new Uint8Array(words.buffer);
}

/** The rows that {@linkcode rowsToBytes} has written. */
export function rowsFromBytes({ buffer }: Uint8Array<ArrayBuffer>): TrainingRows {
  const words = new Uint32Array(buffer);
  let at = 0;
  const next = (): number => words[at++]!;
  const list = (length: number): number[] => [...words.subarray(at, at += length)];
  const [kind, count] = [next(), next()];
  const rows = Array.from({ length: count }, () => {
    const example = next();
    const lengths = list(next());
    const ids = lengths.map(list);
    return { example, ids, mask: list(next()).map(Boolean) };
  });
  if (kind === PAIRS) {
    return pairRows(rows.map(({ example, ids }): PairIds => {
      const [promptIds, chosenIds, rejectedIds] = ids as [number[], number[], number[]];
      return { example, promptIds, chosenIds, rejectedIds };
    }));
  }
  return exampleRows(rows.map(({ example, ids, mask }): ExampleIds => {
    const [promptIds, responseIds] = ids as [number[], number[]];
    return { example, promptIds, responseIds, ...(mask.length > 0 && { lossMask: mask }) };
  }));
}
