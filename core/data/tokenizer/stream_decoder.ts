/** Text of tokens as they come, never with half a character. @module */
import type { Tokenizer } from "./tokenizer.ts";

/** What an unfinished character decodes to. */
const REPLACEMENT = "\ufffd";

/**
 * Decodes ids piece by piece: the pieces end to end are the text that `decode` gives of all ids. A token may hold only a
 * part of a character's bytes, and what a token looks like may depend on the ones before it (a space before a word): new
 * text is what the last piece's ids and the new ones have more than the last piece's alone.
 */
export class StreamDecoder {
  readonly #tokenizer: Tokenizer;
  #ids: number[] = [];
  /** The ids that are decoded again as context begin here, and end where text has been given out to. */
  #context = 0;
  #given = 0;

  /** `after` are ids that the text follows, so that it begins as it does there (with a space that a text alone would lose). */
  constructor(tokenizer: Tokenizer, { after = [] }: { after?: readonly number[] } = {}) {
    this.#tokenizer = tokenizer;
    this.#ids = [...after];
    this.#given = after.length;
  }

  /** The text that these ids complete; "" where a character is not whole yet. */
  push(ids: readonly number[]): string {
    this.#ids.push(...ids);
    const text = this.#fresh();
    if (text === "" || text.endsWith(REPLACEMENT)) return "";
    this.#context = this.#given;
    this.#given = this.#ids.length;
    return text;
  }

  /** What is left at the end: bytes that became no character. */
  finish(): string {
    const text = this.#fresh();
    this.#given = this.#context = this.#ids.length;
    return text;
  }

  #fresh(): string {
    const decode = (end: number): string =>
      this.#tokenizer.decode(this.#ids.slice(this.#context, end), { skipSpecialTokens: true });
    return decode(this.#ids.length).slice(decode(this.#given).length);
  }
}
