/** Unigram: of all ways to write a piece in tokens, the one with the highest score. @module */
import { UserError } from "../../error.ts";
import { bytesAsTokens, byteTokens, type TokenModel } from "./token_model.ts";
import { TokenTree } from "./token_tree.ts";
import type { TokenizerPart } from "./tokenizer_part.ts";

/** How much an unknown character scores less than the least token. */
const UNKNOWN_PENALTY = 10;

/** Reads a Unigram model, whose vocabulary is checked. Throws a UserError for an unknown token that there is not. */
export function readUnigram(part: TokenizerPart): TokenModel {
  return new UnigramModel(part);
}

class UnigramModel implements TokenModel {
  readonly vocab: ReadonlyMap<string, number>;
  readonly #scores: Float64Array;
  readonly #unknown: number;
  readonly #unknownScore: number;
  readonly #bytes: Int32Array | null;
  readonly #tree: TokenTree;

  constructor(part: TokenizerPart) {
    const pieces = part.json.vocab as [string, number][];
    this.vocab = new Map(pieces.map(([text], id) => [text, id]));
    this.#scores = Float64Array.from(pieces, ([, score]) => score);
    this.#unknown = part.value("unk_id") === null ? -1 : part.count("unk_id");
    if (this.#unknown >= pieces.length) {
      throw new UserError(`"model.unk_id" is ${this.#unknown}, expected one of ${pieces.length} tokens`);
    }
    this.#unknownScore = this.#scores.reduce((least, score) => Math.min(least, score), Infinity) - UNKNOWN_PENALTY;
    this.#bytes = part.flag("byte_fallback", false) ? byteTokens(this.vocab) : null;
    this.#tree = new TokenTree(pieces.length);
    for (const [text, id] of this.vocab) if (text !== "") this.#tree.add(text, id);
  }

  encode(text: string, ids: number[]): void {
    const length = text.length;
    // For each place, the best score of the text before it, and the last token's start and id.
    const scores = new Float64Array(length + 1);
    const starts = new Int32Array(length + 1).fill(-1);
    const tokens = new Int32Array(length + 1);
    for (let at = 0; at < length;) {
      const charEnd = at + (text.codePointAt(at)! > 0xffff ? 2 : 1);
      const before = scores[at]!;
      let isKnown = false;
      let node = 0;
      for (let end = at; end < length;) {
        node = this.#tree.next(node, text.charCodeAt(end++));
        if (node === -1) break;
        const id = this.#tree.idAt(node);
        if (id === -1) continue;
        const score = this.#scores[id]! + before;
        if (starts[end] === -1 || score > scores[end]!) {
          scores[end] = score;
          starts[end] = at;
          tokens[end] = id;
        }
        if (end === charEnd) isKnown = true;
      }
      if (!isKnown) {
        const score = this.#unknownScore + before;
        if (starts[charEnd] === -1 || score > scores[charEnd]!) {
          scores[charEnd] = score;
          starts[charEnd] = at;
          tokens[charEnd] = this.#unknown;
          this.#checkUnknown();
        }
      }
      at = charEnd;
    }
    this.#write(text, { starts, tokens, ids });
  }

  /** Writes the ids of the best way, in which unknown tokens side by side are one. */
  #write(
    text: string,
    { starts, tokens, ids }: { starts: Int32Array; tokens: Int32Array; ids: number[] },
  ): void {
    const spans: number[] = [];
    for (let end = text.length; end > 0; end = starts[end]!) spans.push(end);
    let at = 0;
    for (let i = spans.length - 1; i >= 0; i--) {
      let end = spans[i]!;
      const id = tokens[end]!;
      if (id !== this.#unknown) ids.push(id);
      else {
        while (i > 0 && tokens[spans[i - 1]!] === this.#unknown) end = spans[--i]!;
        const unknown = text.slice(at, end);
        const bytes = this.#bytes && !this.vocab.has(unknown) ? bytesAsTokens(unknown, this.#bytes) : null;
        if (bytes) { for (const byte of bytes) ids.push(byte); }
        else ids.push(this.vocab.get(unknown) ?? this.#unknown);
      }
      at = end;
    }
  }

  #checkUnknown(): void {
    if (this.#unknown === -1) throw new Error(`there is an unknown character, but no "unk_id"`);
  }
}
