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
  /** The tokens of one UTF-16 unit; −1 for units that are none. */
  readonly #units = new Int32Array(1 << 16).fill(-1);
  /** The parts of long pieces. */
  readonly #parts: PieceCache;
  #neutral: NeutralUnits | undefined;

  constructor(part: TokenizerPart) {
    const vocab = vocabOf(part);
    this.vocab = vocab;
    this.#unknown = part.value("unk_token") === null ? null : part.text("unk_token");
    this.#prefix = part.text("continuing_subword_prefix", "");
    this.#suffix = part.text("end_of_word_suffix", "");
    this.#fuses = part.flag("fuse_unk", false);
    this.#bytes = part.flag("byte_fallback", false) ? byteTokens(vocab) : null;
    this.#ignoresMerges = part.flag("ignore_merges", false);
    for (const [token, id] of vocab) if (token.length === 1) this.#units[token.charCodeAt(0)] = id;
    this.#parts = new PieceCache((piece, ids) => this.#merge(piece, ids));
    const merges = mergePairs(part);
    this.#merges = new PairTable(merges.length);
    this.#made = new Int32Array(merges.length);
    for (const [rank, { left, right }] of merges.entries()) {
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
    if (piece.length <= LONG_PIECE || this.#affixed) this.#merge(piece, ids);
    else {
      this.#neutral ??= neutralUnits(this.vocab.keys());
      cutNeutrally(piece, this.#neutral, (part) => this.#parts.encode(part, ids));
    }
  }

  #merge(piece: string, ids: number[]): void {
    const symbols = this.#symbolsOf(piece);
    const count = mergeAll(symbols, { merges: this.#merges, made: this.#made });
    for (let i = 0; i < count; i++) ids.push(symbols[i]!);
  }

  get #affixed(): boolean {
    return this.#prefix !== "" || this.#suffix !== "";
  }

  /** The ids of a piece's characters. */
  #symbolsOf(piece: string): number[] {
    const symbols: number[] = [];
    const isAffixed = this.#affixed;
    let unknowns = 0;
    for (let at = 0; at < piece.length;) {
      const start = at;
      at += piece.codePointAt(at)! > 0xffff ? 2 : 1;
      let id = -1;
      if (!isAffixed && at === start + 1) id = this.#units[piece.charCodeAt(start)]!;
      else id = this.vocab.get(this.#written(piece, start, at)) ?? -1;
      if (id === -1) {
        const bytes = this.#bytes && bytesAsTokens(this.#written(piece, start, at), this.#bytes);
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

  /** A character as the vocabulary writes it. */
  #written(piece: string, start: number, end: number): string {
    return (start > 0 ? this.#prefix : "") + piece.slice(start, end) + (end === piece.length ? this.#suffix : "");
  }

  #unknownId(token: string): number {
    const id = this.vocab.get(token);
    if (id === undefined) throw new Error(`its "unk_token" ${shortQuote(token)} is no token`);
    return id;
  }
}

/** The pairs of tokens that are merged, by rank. Throws a UserError for a merge that is none. */
export function mergePairs(part: TokenizerPart): { left: string; right: string }[] {
  return mergesOf(part).map(pairOf);
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
