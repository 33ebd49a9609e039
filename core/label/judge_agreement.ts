/** Measures how far judges agree. @module */

/** A judge's vote on a row: 1 for the generated answer, −1 for the human one, 0 for neither; null is no verdict. */
export type Vote = -1 | 0 | 1 | null;

/** The agreement of two judges. */
export interface Agreement {
  /** Rows on which both gave a verdict. */
  rows: number;
  /** Share of them with the same verdict; NaN if there are none. */
  share: number;
  /**
   * Cohen's kappa over the three verdicts: (share − chance) / (1 − chance), where chance is the agreement of judges who
   * decide at random with the same frequencies; 1 if both always give the same single verdict, NaN if there are no
   * rows.
   */
  kappa: number;
}

/** Compares two judges' votes on the same rows. */
export function agreement(a: readonly Vote[], b: readonly Vote[]): Agreement {
  const both = a.flatMap((vote, i): [number, number][] => {
    const other = b[i]!;
    return vote === null || other === null ? [] : [[vote, other]];
  });
  const rows = both.length;
  const share = both.filter(([x, y]) => x === y).length / rows;
  const frequency = (side: 0 | 1, vote: number): number => both.filter((pair) => pair[side] === vote).length / rows;
  const chance = [-1, 0, 1].reduce((sum, vote) => sum + frequency(0, vote) * frequency(1, vote), 0);
  return { rows, share, kappa: chance >= 1 ? share : (share - chance) / (1 - chance) };
}
