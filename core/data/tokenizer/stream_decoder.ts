/** Decodes tokens to text as they come, never to half a character. @module */
import type { Tokenizer } from "./tokenizer.ts";

/** The character that the bytes of an unfinished character decode to. */
const REPLACEMENT = "\ufffd";

/**
 * Decodes ids piece by piece; the pieces end to end are the text that `decode` gives for all ids. A token may hold only
 * a part of a character's bytes, and its text may depend on the tokens before it (the space before a word). Therefore
 * the last piece's ids are decoded both alone and with the new ones; the new text is what the second decoding adds.
 */
export class StreamDecoder {
  readonly #tokenizer: Tokenizer;
  #ids: number[] = [];
  /** The ids from `#context` to `#given` are decoded again as context; text was given out up to `#given`. */
  #context = 0;
  #given = 0;

  /** `after` are the ids before the text, so that it begins as it does there, with a space that it would lose alone. */
  constructor(tokenizer: Tokenizer, { after = [] }: { after?: readonly number[] } = {}) {
    this.#tokenizer = tokenizer;
    this.#ids = [...after];
    this.#given = after.length;
  }

  /** Adds ids and returns the text that they complete; "" if its last character is not whole yet. */
  push(ids: readonly number[]): string {
    this.#ids.push(...ids);
    const text = this.#fresh();
    if (text === "" || text.endsWith(REPLACEMENT)) return "";
    this.#context = this.#given;
    this.#given = this.#ids.length;
    return text;
  }

  /** Returns the rest of the text at the end: bytes that make no whole character. */
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
