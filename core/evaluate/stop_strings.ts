/** Strings that end an answer. @module */
import type { Tokenizer } from "../data/tokenizer/tokenizer.ts";

/** Ends answers at stop strings. */
export class StopStrings {
  readonly #tokenizer: Tokenizer;
  readonly #stops: readonly string[];
  /** The most ids that were seen to hold no stop. */
  #clear = 0;

  /** Empty strings stop nothing. Each answer needs an object of its own. */
  constructor(tokenizer: Tokenizer, stops: readonly string[]) {
    this.#tokenizer = tokenizer;
    this.#stops = stops.filter((stop) => stop !== "");
  }

  /**
   * The number of the fewest first ids whose text, special tokens included, has a stop; null if none has. Call it with
   * more and more ids of the answer.
   */
  end(ids: readonly number[]): number | null {
    if (!this.#isIn(ids)) {
      this.#clear = ids.length;
      return null;
    }
    for (let count = this.#clear + 1; count < ids.length; count++) {
      if (this.#isIn(ids.slice(0, count))) return count;
    }
    return ids.length;
  }

  /** The answer's text without special tokens, cut where each stop first occurs, one stop after the other. */
  textOf(ids: readonly number[]): string {
    return cutAtStops(this.#tokenizer.decode(ids, { skipSpecialTokens: true }), this.#stops);
  }

  #isIn(ids: readonly number[]): boolean {
    const text = this.#tokenizer.decode(ids);
    return this.#stops.some((stop) => text.includes(stop));
  }
}

/** Cuts a text where each stop first occurs, one stop after the other; empty ones cut nothing. */
export function cutAtStops(text: string, stops: readonly string[]): string {
  return stops.reduce((left, stop) => stop === "" ? left : left.split(stop, 1)[0]!, text);
}
