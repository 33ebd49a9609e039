/** Byte-pair encoding: the characters of a piece are merged two by two, by the order of a list. @module */
import { UserError } from "../../error.ts";
import { describe, shortQuote } from "../formats/data_problems.ts";
import type { JsonValue } from "../formats/json_rows.ts";
import { mergeAll } from "./bpe_merges.ts";
import { cutNeutrally, type NeutralUnits, neutralUnits } from "./neutral_split.ts";
import { PairTable } from "./pair_table.ts";
import { bytesAsTokens, byteTokens, PieceCache, type TokenModel, vocabOf } from "./token_model.ts";
import type { TokenizerPart } from "./tokenizer_part.ts";

/** Pieces longer than this are cut where that changes nothing. */
const LONG_PIECE = 12;

/** Reads a BPE model, whose vocabulary is checked. Throws a UserError for what is broken or not supported. */
export function readBpe(part: TokenizerPart): TokenModel {
  if (part.json.dropout !== null && part.json.dropout !== undefined && part.json.dropout !== 0) {
    throw new UserError(`"model.dropout" makes ids that differ from time to time, which is not supported`);
  }
  return new BpeModel(part);
}

class BpeModel implements TokenModel {
  readonly vocab: ReadonlyMap<string, number>;
  readonly #merges: PairTable;
  /** The token that each merge makes. */
  readonly #made: Int32Array;
  readonly #unknown: string | null;
  readonly #prefix: string;
  readonly #suffix: string;
  readonly #fuses: boolean;
  readonly #bytes: Int32Array | null;
  readonly #ignoresMerges: boolean;
  readonly #cache = new PieceCache();
  #units: NeutralUnits | undefined;

  constructor(part: TokenizerPart) {
    const vocab = vocabOf(part);
    this.vocab = vocab;
    this.#unknown = part.value("unk_token") === null ? null : part.text("unk_token");
    this.#prefix = part.text("continuing_subword_prefix", "");
    this.#suffix = part.text("end_of_word_suffix", "");
    this.#fuses = part.flag("fuse_unk", false);
    this.#bytes = part.flag("byte_fallback", false) ? byteTokens(vocab) : null;
    this.#ignoresMerges = part.flag("ignore_merges", false);
    const merges = mergesOf(part);
    this.#merges = new PairTable(merges.length);
    this.#made = new Int32Array(merges.length);
    for (const [rank, merge] of merges.entries()) {
      const { left, right } = pairOf(merge, rank);
      if (!right.startsWith(this.#prefix)) {
        throw new UserError(
          `"model.merges[${rank}]": ${shortQuote(right)} does not begin with "continuing_subword_prefix"`,
        );
      }
      const idOf = (token: string): number => {
        const id = vocab.get(token);
        if (id !== undefined) return id;
        throw new UserError(`"model.merges[${rank}]": ${shortQuote(token)} is no token of "model.vocab"`);
      };
      this.#made[rank] = idOf(left + right.slice(this.#prefix.length));
      this.#merges.set(idOf(left), idOf(right), rank);
    }
  }

  encode(piece: string, ids: number[]): void {
    if (this.#ignoresMerges) {
      const id = this.vocab.get(piece);
      if (id !== undefined) {
        ids.push(id);
        return;
      }
    }
    // The first and the last character of a whole piece may be written in other ways than those within it.
    if (piece.length <= LONG_PIECE || this.#prefix !== "" || this.#suffix !== "") {
      this.#cache.encode(piece, ids, this.#merge);
      return;
    }
    this.#units ??= neutralUnits(this.vocab.keys());
    cutNeutrally(piece, this.#units, (part) => this.#cache.encode(part, ids, this.#merge));
  }

  readonly #merge = (piece: string, ids: number[]): void => {
    const symbols = this.#symbolsOf(piece);
    const count = mergeAll(symbols, { merges: this.#merges, made: this.#made });
    for (let i = 0; i < count; i++) ids.push(symbols[i]!);
  };

  /** The ids of a piece's characters. */
  #symbolsOf(piece: string): number[] {
    const symbols: number[] = [];
    let unknowns = 0;
    for (let at = 0; at < piece.length;) {
      const end = at + (piece.codePointAt(at)! > 0xffff ? 2 : 1);
      let char = piece.slice(at, end);
      if (at > 0) char = this.#prefix + char;
      if (end === piece.length) char += this.#suffix;
      at = end;
      const id = this.vocab.get(char);
      if (id === undefined) {
        const bytes = this.#bytes && bytesAsTokens(char, this.#bytes);
        // As in Rust's library, these come before an unknown token that is not yet written.
        if (bytes) symbols.push(...bytes);
        else if (this.#unknown !== null) {
          if (unknowns > 0 && !this.#fuses) symbols.push(this.#unknownId(this.#unknown));
          unknowns++;
        }
        continue;
      }
      if (unknowns > 0) symbols.push(this.#unknownId(this.#unknown!));
      unknowns = 0;
      symbols.push(id);
    }
    if (unknowns > 0) symbols.push(this.#unknownId(this.#unknown!));
    return symbols;
  }

  #unknownId(token: string): number {
    const id = this.vocab.get(token);
    if (id === undefined) throw new Error(`its "unk_token" ${shortQuote(token)} is no token`);
    return id;
  }
}

/** The merges, in old files with the version of the list. */
function mergesOf(part: TokenizerPart): JsonValue[] {
  const merges = part.value("merges");
  if (!Array.isArray(merges)) throw part.refusal("merges", "a list");
  return merges.filter((merge) => typeof merge !== "string" || !merge.startsWith("#version"));
}

function pairOf(merge: JsonValue, rank: number): { left: string; right: string } {
  const [left, right, more] = typeof merge === "string" ? merge.split(" ") : Array.isArray(merge) ? merge : [];
  if (typeof left !== "string" || typeof right !== "string" || more !== undefined) {
    throw new UserError(`"model.merges[${rank}]" is ${describe(merge)}, expected two tokens`);
  }
  return { left, right };
}
