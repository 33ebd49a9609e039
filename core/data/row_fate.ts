/** What a limit on tokens does to a row. @module */

/** An answer, as far as its fate depends on it. */
export interface AnswerLength {
  /** Its ids. */
  ids: { readonly length: number };
  /** For each id, whether it is trained on; absent if all are. */
  lossMask?: readonly boolean[];
}

/** What becomes of a row. */
export interface RowFate {
  /** Why it is dropped; null if it is kept. */
  dropped: "promptTooLong" | "emptyResponse" | null;
  /** Tokens that are left for an answer. */
  room: number;
  /** How many of its answers are cut to that. */
  cut: number;
}

/**
 * What becomes of a row where prompt and answer together have `limit` tokens at most: it is dropped if its prompt leaves
 * no room, or if an answer has no token to train on in it; longer answers are cut.
 */
export function rowFate(promptTokens: number, answers: readonly AnswerLength[], limit: number): RowFate {
  const room = limit - promptTokens;
  if (room <= 0) return { dropped: "promptTooLong", room: 0, cut: 0 };
  const isEmpty = ({ ids, lossMask }: AnswerLength): boolean =>
    ids.length === 0 || (lossMask !== undefined && !lossMask.slice(0, room).includes(true));
  if (answers.some(isEmpty)) return { dropped: "emptyResponse", room, cut: 0 };
  return { dropped: null, room, cut: answers.filter(({ ids }) => ids.length > room).length };
}
