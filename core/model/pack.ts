/**
 * Packs a batch: all sequences end to end, without padding. Pairs share their prompt's tokens: the segments of a pair
 * are prompt, chosen, rejected, and both responses see the prompt.
 *
 * @module
 */
import { sameIds } from "../values.ts";

/** A run of tokens; `prefixStart..prefixEnd` is the prompt it continues (empty for a prompt itself). */
export interface PackedSegment {
  start: number;
  end: number;
  prefixStart: number;
  prefixEnd: number;
  /** End of the tokens that may attend to this segment's tokens. */
  queryEnd: number;
}

/** A response position to score: the token at `index` predicts `target`. */
export interface ResponseEntries {
  /** Packed index of the predicting token, per entry. */
  index: Uint32Array<ArrayBuffer>;
  /** The response token. */
  target: Uint32Array<ArrayBuffer>;
  /** Which sequence of the batch it belongs to. */
  sequence: Uint32Array<ArrayBuffer>;
  /** The row's index in the pair file (the noise's counter). */
  example: Uint32Array<ArrayBuffer>;
  /** Position of the predicting token in its row (the noise's counter t). */
  position: Uint32Array<ArrayBuffer>;
  /** Entries of sequence s are starts[s]..starts[s + 1]. */
  starts: Uint32Array<ArrayBuffer>;
}

/** A packed batch on the host. */
export interface PackedBatch {
  ids: Uint32Array<ArrayBuffer>;
  /** Position of each token in its row, from 0. */
  position: Uint32Array<ArrayBuffer>;
  /** The row that each token belongs to: its index in the file. */
  example: Uint32Array<ArrayBuffer>;
  segments: PackedSegment[];
  /** All response positions, sequence by sequence; for pairs: chosen, rejected, chosen, … */
  entries: ResponseEntries;
  /** Response tokens per sequence. */
  lengths: Uint32Array<ArrayBuffer>;
}

/** A pair to pack. */
export interface PairIds {
  /** The row's index in the pair file. */
  example: number;
  promptIds: readonly number[];
  chosenIds: readonly number[];
  rejectedIds: readonly number[];
}

/** A prompt with one response to pack. */
export interface ExampleIds {
  example: number;
  promptIds: readonly number[];
  responseIds: readonly number[];
  /** Which tokens of the response are scored (at least one); all if absent. */
  lossMask?: readonly boolean[];
}

/**
 * Packs pairs; sequence 2i is pair i's chosen response, 2i + 1 its rejected one. A response's last token is not an
 * input, as nothing is predicted from it. With `sharePrompt: false` the prompt is repeated for the rejected response.
 * Throws RangeError for an empty prompt or response.
 */
export function packPairs(pairs: readonly PairIds[], { sharePrompt = true } = {}): PackedBatch {
  const packer = new Packer();
  for (const { example, promptIds, chosenIds, rejectedIds } of pairs) {
    const prompt = packer.prompt(promptIds, example);
    packer.response(prompt, { example, promptIds, responseIds: chosenIds });
    if (sharePrompt) {
      packer.response(prompt, { example, promptIds, responseIds: rejectedIds });
    } else {
      packer.response(packer.prompt(promptIds, example), { example, promptIds, responseIds: rejectedIds });
    }
  }
  return packer.finish();
}

/** Packs prompts with one response each; sequence i is example i. Throws RangeError for an empty prompt or response. */
export function packExamples(examples: readonly ExampleIds[]): PackedBatch {
  const packer = new Packer();
  for (const example of examples) packer.response(packer.prompt(example.promptIds, example.example), example);
  return packer.finish();
}

/** Number of response tokens that are scored. */
export function scoredTokens({ responseIds, lossMask }: Pick<ExampleIds, "responseIds" | "lossMask">): number {
  return lossMask ? lossMask.filter(Boolean).length : responseIds.length;
}

/** Rows that begin with the same ids. */
export interface PrefixRows {
  /** How many ids; at least 1, and at most as many as the shortest row has without its last one. */
  shared: number;
  /** At least one. */
  rows: readonly ExampleIds[];
}

/**
 * Packs rows of which each group's common ids are laid once; a group's sequences follow each other in its rows' order.
 * Of neighbouring rows that differ in their last token alone, only the first one's tail is laid, and predicts for all.
 * Throws RangeError for an empty prompt or response.
 */
export function packShared(groups: readonly PrefixRows[]): PackedBatch {
  const packer = new Packer();
  for (const { shared, rows } of groups) {
    const { promptIds, responseIds, example } = rows[0]!;
    const prefix = packer.prompt([...promptIds, ...responseIds].slice(0, shared), example);
    let laid: Tail | undefined;
    for (const row of rows) laid = packer.response(prefix, row, laid);
  }
  return packer.finish();
}

/** Packs whole sequences without responses to score (prefill). */
export function packPrompts(prompts: readonly (readonly number[])[]): PackedBatch {
  const packer = new Packer();
  prompts.forEach((ids, i) => packer.prompt(ids, i));
  return packer.finish();
}

/** Input ids of a row after its prefix, and the packed index of the first. */
interface Tail {
  ids: readonly number[];
  start: number;
}

class Packer {
  readonly #ids: number[] = [];
  readonly #position: number[] = [];
  readonly #tokenExample: number[] = [];
  readonly #segments: PackedSegment[] = [];
  readonly #lengths: number[] = [];
  readonly #index: number[] = [];
  readonly #target: number[] = [];
  readonly #sequence: number[] = [];
  readonly #example: number[] = [];
  readonly #entryPosition: number[] = [];
  readonly #starts: number[] = [0];

  prompt(ids: readonly number[], example: number): PackedSegment {
    if (ids.length === 0) {
      throw new RangeError(`Cannot pack row ${example}: the prompt has no tokens, expected at least 1`);
    }
    const start = this.#append(ids, { position: 0, example });
    const end = start + ids.length;
    const segment = { start, end, prefixStart: start, prefixEnd: start, queryEnd: end };
    this.#segments.push(segment);
    return segment;
  }

  /** Adds a row whose first tokens are `prefix`. Its other inputs are laid, unless they are those of `laid`. */
  response(
    prefix: PackedSegment,
    { example, promptIds, responseIds, lossMask }: ExampleIds,
    laid?: Tail,
  ): Tail {
    if (responseIds.length === 0) {
      throw new RangeError(`Cannot pack row ${example}: a response has no tokens, expected at least 1`);
    }
    const shared = prefix.end - prefix.start;
    const ids = [...promptIds.slice(shared), ...responseIds.slice(Math.max(0, shared - promptIds.length))].slice(0, -1);
    const tail = laid && sameIds(laid.ids, ids) ? laid : this.#tail(prefix, { ids, example });
    const sequence = this.#lengths.length;
    responseIds.forEach((target, j) => {
      if (lossMask?.[j] === false) return;
      const position = promptIds.length - 1 + j;
      this.#index.push(position < shared ? prefix.start + position : tail.start + position - shared);
      this.#target.push(target);
      this.#sequence.push(sequence);
      this.#example.push(example);
      this.#entryPosition.push(position);
    });
    this.#lengths.push(scoredTokens({ responseIds, ...(lossMask && { lossMask }) }));
    this.#starts.push(this.#index.length);
    return tail;
  }

  #tail(prefix: PackedSegment, { ids, example }: { ids: readonly number[]; example: number }): Tail {
    const { start: prefixStart, end: prefixEnd } = prefix;
    const start = this.#append(ids, { position: prefixEnd - prefixStart, example });
    const end = start + ids.length;
    if (end > start) this.#segments.push({ start, end, prefixStart, prefixEnd, queryEnd: end });
    prefix.queryEnd = end;
    return { ids, start };
  }

  finish(): PackedBatch {
    return {
      ids: Uint32Array.from(this.#ids),
      position: Uint32Array.from(this.#position),
      example: Uint32Array.from(this.#tokenExample),
      segments: this.#segments,
      entries: {
        index: Uint32Array.from(this.#index),
        target: Uint32Array.from(this.#target),
        sequence: Uint32Array.from(this.#sequence),
        example: Uint32Array.from(this.#example),
        position: Uint32Array.from(this.#entryPosition),
        starts: Uint32Array.from(this.#starts),
      },
      lengths: Uint32Array.from(this.#lengths),
    };
  }

  #append(ids: readonly number[], { position, example }: { position: number; example: number }): number {
    const start = this.#ids.length;
    ids.forEach((id, i) => {
      this.#ids.push(id);
      this.#position.push(position + i);
      this.#tokenExample.push(example);
    });
    return start;
  }
}

/** The four u32 that attention reads for each token: segment start, prefix start, prefix end, query end. */
export function tokenLayout({ ids, segments }: PackedBatch): Uint32Array<ArrayBuffer> {
  const layout = new Uint32Array(ids.length * 4);
  for (const { start, end, prefixStart, prefixEnd, queryEnd } of segments) {
    for (let t = start; t < end; t++) layout.set([start, prefixStart, prefixEnd, queryEnd], t * 4);
  }
  return layout;
}
