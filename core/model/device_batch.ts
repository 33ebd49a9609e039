/** A packed batch on the device: buffers made once for a capacity, filled batch by batch. @module */
import { attentionTile, attentionTiles } from "../../kernels/attention/attention.ts";
import type { Device } from "../../kernels/device/device.ts";
import type { Slice } from "../../kernels/device/slice.ts";
import { embeddingIndex } from "../../kernels/rows/embedding.ts";
import { invertIndex } from "../../kernels/rows/gather_rows.ts";
import { largest } from "../values.ts";
import type { BufferSet } from "./activations.ts";
import type { EmbeddingIndexBuffers, TokenBuffers } from "./decoder_types.ts";
import { type PackedBatch, type PackedSegment, type ResponseEntries, tokenLayout } from "./pack.ts";

/** Sizes that are large enough for every batch of a run. */
export interface BatchCapacity {
  tokens: number;
  entries: number;
  sequences: number;
  tiles: number;
}

/** Response positions on the device (see {@linkcode ResponseEntries}). */
export interface EntryBuffers {
  count: number;
  /** Number of sequences that the positions belong to. */
  sequences: number;
  index: Slice;
  target: Slice;
  sequence: Slice;
  example: Slice;
  position: Slice;
  starts: Slice;
}

/** A batch as the kernels read it. */
export interface DeviceBatch extends TokenBuffers {
  /** The row that each token belongs to; null if it was not asked for. */
  example: Slice | null;
  layout: Slice;
  tiles: Slice;
  tileCount: number;
  /** Number of pairs of a query and a key that it may attend to. */
  pairs: number;
  /** The most tokens of a row; of a prompt that is shared, with all that continue it. */
  longest: number;
  entries: EntryBuffers;
  lengths: Slice;
  embedding: EmbeddingIndexBuffers;
  /** Entries of each token: starts [T + 1] and entry numbers, and the most that a token has. */
  byToken: { starts: Slice; entries: Slice; most: number };
}

/** The sizes of a packed batch. */
export function capacityOf(packed: PackedBatch, device: Device): BatchCapacity {
  return {
    tokens: packed.ids.length,
    entries: packed.entries.index.length,
    sequences: packed.lengths.length,
    tiles: tileList(packed, device).length / 2,
  };
}

/** The larger of two capacities, field by field. */
export function maxCapacity(a: BatchCapacity, b: BatchCapacity): BatchCapacity {
  return {
    tokens: Math.max(a.tokens, b.tokens),
    entries: Math.max(a.entries, b.entries),
    sequences: Math.max(a.sequences, b.sequences),
    tiles: Math.max(a.tiles, b.tiles),
  };
}

/** The most tokens between the first that a segment sees and the last that sees it. */
function longestRow(segments: readonly PackedSegment[]): number {
  return largest(
    segments,
    ({ start, end, prefixStart, prefixEnd, queryEnd }) =>
      Math.max(queryEnd - start, end - start + prefixEnd - prefixStart),
  );
}

/** Counts the pairs of a query and a key, as if there were no windows. */
function attentionPairs(segments: readonly PackedSegment[]): number {
  return segments.reduce((sum, { start, end, prefixStart, prefixEnd }) => {
    const length = end - start;
    return sum + length * (prefixEnd - prefixStart) + length * (length + 1) / 2;
  }, 0);
}

function tileList(packed: PackedBatch, device: Device): Uint32Array<ArrayBuffer> {
  return attentionTiles(packed.segments, attentionTile(device));
}

/** Buffers for batches up to a capacity. */
export class BatchBuffers {
  readonly #device: Device;
  readonly #slices: Record<"ids" | "position" | "layout" | "tiles" | "lengths", Slice>;
  readonly #embedding: Record<"ids" | "starts" | "tokens", Slice>;
  readonly #byToken: { starts: Slice; entries: Slice };
  readonly #entries: EntrySlices;
  readonly #example: Slice | null;

  /** `hasExamples` (default false) asks for each token's row. */
  constructor(set: BufferSet, { capacity, hasExamples = false }: { capacity: BatchCapacity; hasExamples?: boolean }) {
    const { tokens, entries, sequences, tiles } = capacity;
    this.#device = set.device;
    this.#slices = {
      ids: set.words(tokens, "ids"),
      position: set.words(tokens, "position"),
      layout: set.words(tokens * 4, "token layout"),
      tiles: set.words(tiles * 2, "attention tiles"),
      lengths: set.words(sequences, "response lengths"),
    };
    this.#embedding = {
      ids: set.words(tokens, "distinct ids"),
      starts: set.words(tokens + 1, "distinct id starts"),
      tokens: set.words(tokens, "tokens by id"),
    };
    this.#byToken = {
      starts: set.words(tokens + 1, "entry starts by token"),
      entries: set.words(entries, "entries by token"),
    };
    this.#entries = entrySlices(set, { entries, sequences });
    this.#example = hasExamples ? set.words(tokens, "token examples") : null;
  }

  /** Uploads a packed batch over the previous one. Work recorded on that one must have been submitted. */
  load(packed: PackedBatch): DeviceBatch {
    const device = this.#device;
    const { ids, position, layout, tiles, lengths } = this.#slices;
    const tokens = packed.ids.length;
    const list = tileList(packed, device);
    const byToken = invertIndex(packed.entries.index, tokens);
    const unique = embeddingIndex(packed.ids);
    device.write(ids, packed.ids);
    device.write(position, packed.position);
    device.write(layout, tokenLayout(packed));
    device.write(tiles, list);
    device.write(lengths, packed.lengths);
    if (this.#example) device.write(this.#example, packed.example);
    for (const name of ["ids", "starts", "tokens"] as const) device.write(this.#embedding[name], unique[name]);
    device.write(this.#byToken.starts, byToken.starts);
    device.write(this.#byToken.entries, byToken.entries);
    return {
      tokens,
      ids,
      position,
      example: this.#example,
      layout,
      tiles,
      tileCount: list.length / 2,
      pairs: attentionPairs(packed.segments),
      longest: longestRow(packed.segments),
      entries: writeEntries(device, this.#entries, packed.entries),
      lengths,
      embedding: { ...this.#embedding, count: unique.ids.length, most: unique.most },
      byToken: { ...this.#byToken, most: byToken.most },
    };
  }
}

type EntrySlices = Omit<EntryBuffers, "count" | "sequences">;

function entrySlices(set: BufferSet, { entries, sequences }: { entries: number; sequences: number }): EntrySlices {
  return {
    index: set.words(entries, "entry tokens"),
    target: set.words(entries, "entry targets"),
    sequence: set.words(entries, "entry sequences"),
    example: set.words(entries, "entry examples"),
    position: set.words(entries, "entry positions"),
    starts: set.words(sequences + 1, "sequence starts"),
  };
}

function writeEntries(device: Device, slices: EntrySlices, entries: ResponseEntries): EntryBuffers {
  for (const name of ["index", "target", "sequence", "example", "position", "starts"] as const) {
    device.write(slices[name], entries[name]);
  }
  return { ...slices, count: entries.index.length, sequences: entries.starts.length - 1 };
}
