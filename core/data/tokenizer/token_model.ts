/** What all models of tokenizers have in common: the tokens, and how a piece of text becomes ids. @module */
import type { TokenizerPart } from "./tokenizer_part.ts";

/** A model. */
export interface TokenModel {
  /** Ids by token. */
  readonly vocab: ReadonlyMap<string, number>;
  /** Adds the ids of a piece to `ids`. Throws an Error if it needs an unknown token that there is not. */
  encode(piece: string, ids: number[]): void;
}

/** The most pieces whose ids are kept, and the longest of them. */
const MAX_KEPT = 1 << 15;
const LONGEST_KEPT = 48;

/** Ids of short pieces that have come up. */
export class PieceCache {
  readonly #ids = new Map<string, readonly number[]>();
  readonly #encode: TokenModel["encode"];

  /** `encode` finds the ids of a piece that is not known yet. */
  constructor(encode: TokenModel["encode"]) {
    this.#encode = encode;
  }

  /** Adds the ids of `piece` to `ids`. */
  encode(piece: string, ids: number[]): void {
    if (piece.length > LONGEST_KEPT) return this.#encode(piece, ids);
    let found = this.#ids.get(piece);
    if (found === undefined) {
      const fresh: number[] = [];
      this.#encode(piece, fresh);
      if (this.#ids.size >= MAX_KEPT) this.#ids.clear();
      this.#ids.set(piece, found = fresh);
    }
    for (let i = 0; i < found.length; i++) ids.push(found[i]!);
  }
}

/** The ids of a vocabulary that is an object. */
export function vocabOf(part: TokenizerPart): Map<string, number> {
  const ids = part.json.vocab as Readonly<Record<string, number>>;
  const vocab = new Map<string, number>();
  for (const token in ids) vocab.set(token, ids[token]!);
  return vocab;
}

/** The ids of the tokens of the bytes, such as `<0x0A>`; −1 for a byte that has none. */
export function byteTokens(vocab: ReadonlyMap<string, number>): Int32Array {
  return Int32Array.from(
    { length: 256 },
    (_, byte) => vocab.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`) ?? -1,
  );
}

const encoder = new TextEncoder();

/** The ids of a text's bytes; null if one has none. */
export function bytesAsTokens(text: string, byByte: Int32Array): number[] | null {
  const ids = Array.from(encoder.encode(text), (byte) => byByte[byte]!);
  return ids.includes(-1) ? null : ids;
}
