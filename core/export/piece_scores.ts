/** Scores with which SentencePiece's BPE merges as a list of merges does. @module */
import { UserError } from "../error.ts";
import { quote } from "../values.ts";

/** A vocabulary with its merges. */
export interface Pieces {
  /** The tokens that are neither added nor bytes. */
  pieces: readonly string[];
  /** Pairs by rank. */
  merges: readonly { left: string; right: string }[];
}

/**
 * The score of each piece. llama.cpp has no merges: it joins the two neighbours whose text together is the token of the
 * highest score. That is the same as a list of merges if a token's merges stand together in the list, and if every two
 * pieces that make a token may be merged; so it is in lists that come from SentencePiece. A piece that is never made has
 * the least score. Throws a UserError naming the token for which it is otherwise.
 */
export function pieceScores({ pieces, merges }: Pieces): Map<string, number> {
  const scores = new Map<string, number>();
  const pairs = new Map<string, Set<number>>();
  let last: string | undefined;
  for (const { left, right } of merges) {
    const made = left + right;
    if (made !== last && scores.has(made)) {
      throw new UserError(
        `the merges of token ${quote(made)} do not stand together, expected them as of SentencePiece`,
      );
    }
    last = made;
    if (!scores.has(made)) {
      // Not −scores.size, which is −0 for the first.
      scores.set(made, 0 - scores.size);
      pairs.set(made, new Set());
    }
    pairs.get(made)!.add(left.length);
  }
  const known = new Set(pieces);
  const least = -scores.size;
  for (const piece of pieces) {
    const made = pairs.get(piece);
    for (let at = 1; at < piece.length; at++) {
      if (made?.has(at) || !known.has(piece.slice(0, at)) || !known.has(piece.slice(at))) continue;
      throw new UserError(
        `no merge makes token ${quote(piece)} of ${quote(piece.slice(0, at))} and ${quote(piece.slice(at))}, ` +
          `which llama.cpp would join`,
      );
    }
    if (made === undefined) scores.set(piece, least);
  }
  return scores;
}
