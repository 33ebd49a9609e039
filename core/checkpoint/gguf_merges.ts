/** Merges of BPE from the scores of SentencePiece. @module */

/** A token of a vocabulary. */
export interface ScoredPiece {
  readonly text: string;
  readonly id: number;
  readonly score: number;
}

/**
 * All pairs of pieces whose texts together are a piece, those of the highest score first, and of one piece by the ids
 * of left and right, as Hugging Face's converter of SentencePiece lists them.
 */
export function mergesOfScores(pieces: readonly ScoredPiece[]): [left: string, right: string][] {
  const ids = new Map(pieces.map(({ text, id }) => [text, id]));
  const merges: [left: string, right: string][] = [];
  for (const { text } of pieces.toSorted((a, b) => b.score - a.score)) {
    const own: { pair: [string, string]; left: number; right: number }[] = [];
    let at = 0;
    for (const character of text) {
      at += character.length;
      if (at === text.length) break;
      const [left, right] = [ids.get(text.slice(0, at)), ids.get(text.slice(at))];
      if (left === undefined || right === undefined) continue;
      own.push({ pair: [text.slice(0, at), text.slice(at)], left, right });
    }
    own.sort((a, b) => a.left - b.left || a.right - b.right);
    merges.push(...own.map(({ pair }) => pair));
  }
  return merges;
}
