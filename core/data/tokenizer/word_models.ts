/** The models of whole words: WordLevel, and WordPiece, which takes them apart from the left. @module */
import { shortQuote } from "../formats/data_problems.ts";
import { type TokenModel, vocabOf } from "./token_model.ts";
import { TokenTree } from "./token_tree.ts";
import type { TokenizerPart } from "./tokenizer_part.ts";

/** Reads a WordLevel model: a piece is a token, or unknown. */
export function readWordLevel(part: TokenizerPart): TokenModel {
  const vocab = vocabOf(part);
  const unknown = part.text("unk_token");
  return {
    vocab,
    encode: (piece, ids) => {
      ids.push(vocab.get(piece) ?? idOf(vocab, unknown));
    },
  };
}

/** Reads a WordPiece model: the longest token that a piece begins with, and so on; or the whole piece is unknown. */
export function readWordPiece(part: TokenizerPart): TokenModel {
  const vocab = vocabOf(part);
  const unknown = part.text("unk_token");
  const prefix = part.text("continuing_subword_prefix");
  const maxChars = part.count("max_input_chars_per_word");
  // A word's first token stands in the vocabulary as it is, those after it with the prefix.
  const firsts = new TokenTree(vocab.size);
  const others = new TokenTree(vocab.size);
  for (const [token, id] of vocab) {
    if (token !== "") firsts.add(token, id);
    if (token.length > prefix.length && token.startsWith(prefix)) others.add(token.slice(prefix.length), id);
  }
  const encode = (piece: string, ids: number[]): void => {
    const found = (piece.length <= maxChars || [...piece].length <= maxChars) && wordPieces(piece);
    if (found) { for (const id of found) ids.push(id); }
    else ids.push(idOf(vocab, unknown));
  };
  const wordPieces = (piece: string): number[] | null => {
    const ids: number[] = [];
    for (let at = 0; at < piece.length;) {
      const { id, end } = (at === 0 ? firsts : others).longestAt(piece, at);
      if (id === -1) return null;
      ids.push(id);
      at = end;
    }
    return ids;
  };
  return { vocab, encode };
}

function idOf(vocab: ReadonlyMap<string, number>, unknown: string): number {
  const id = vocab.get(unknown);
  if (id === undefined) throw new Error(`its "unk_token" ${shortQuote(unknown)} is no token`);
  return id;
}
