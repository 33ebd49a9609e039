/** How far judges agree. @module */

/** What a judge decides on a row: 1 the generated answer, −1 the human one, 0 neither; null where it gives no verdict. */
export type Vote = -1 | 0 | 1 | null;

/** The agreement of two judges. */
export interface Agreement {
  /** Rows on which both gave a verdict. */
  rows: number;
  /** Share of them with the same verdict; NaN where there are none. */
  share: number;
  /**
   * Cohen's kappa over the three verdicts: (share − chance) / (1 − chance), with chance the agreement of judges who
   * decide at random with the same frequencies; 1 where both always give one and the same verdict.
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
