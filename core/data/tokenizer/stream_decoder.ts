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
  /** The id of a byte that is no character by itself; null if no token is one. */
  readonly #byteId: number | null;

  /** `after` are the ids before the text, so that it begins as it does there, with a space that it would lose alone. */
  constructor(tokenizer: Tokenizer, { after = [] }: { after?: readonly number[] } = {}) {
    this.#tokenizer = tokenizer;
    // No vocabulary has this character, so that it is written in bytes or not at all.
    const bytes = tokenizer.encode("\u{10ffff}", { addSpecialTokens: false });
    this.#byteId = bytes.find((id) => tokenizer.decode([id]) === REPLACEMENT) ?? null;
    this.#ids = [...after];
    this.#given = after.length;
  }

  /**
   * Adds ids and returns the text that they complete; "" if its last character is not whole yet, or might still become
   * another one: with tokens for single bytes, one wrong byte spoils all of those that stand before it in a row.
   */
  push(ids: readonly number[]): string {
    this.#ids.push(...ids);
    const text = this.#fresh();
    if (text === "" || text.endsWith(REPLACEMENT) || !this.#isSettled()) return "";
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
    return this.#decode(this.#ids.slice(this.#context)).slice(
      this.#decode(this.#ids.slice(this.#context, this.#given)).length,
    );
  }

  /** Whether the text stays as it is if a wrong byte comes next. */
  #isSettled(): boolean {
    if (this.#byteId === null) return true;
    const ids = this.#ids.slice(this.#context);
    return this.#decode([...ids, this.#byteId]).startsWith(this.#decode(ids));
  }

  #decode(ids: readonly number[]): string {
    return this.#tokenizer.decode(ids, { skipSpecialTokens: true });
  }
}
