/** Means of verdicts over turns, categories and all questions, with errors. @module */

/** A mean of verdicts. */
export interface MtMean {
  /** Null if there is no verdict. */
  mean: number | null;
  /** Standard error, the verdicts of one question taken together; null for fewer than two questions. */
  stderr: number | null;
  /** Verdicts that were read. */
  count: number;
}

/** The verdict on a turn: a rating, or a preference in [0, 1]; null if it could not be read. */
export interface MtVerdict {
  id: number;
  category: string;
  /** From 0. */
  turn: number;
  value: number | null;
}

/** All means. */
export interface MtScores {
  /** Over all turns of all questions. */
  overall: MtMean;
  /** Of the first turns, and of the second ones if there are any. */
  turns: MtMean[];
  /** By categories, in the order of the questions. */
  categories: Record<string, MtMean & { turns: MtMean[] }>;
  /** Verdicts that could not be read. They are in no mean. */
  unreadable: number;
}

/** Means of verdicts. */
export function mtScores(verdicts: readonly MtVerdict[]): MtScores {
  const turns = Math.max(0, ...verdicts.map(({ turn }) => turn + 1));
  const byTurn = (list: readonly MtVerdict[]): MtMean[] =>
    Array.from({ length: turns }, (_, turn) => meanOf(list.filter((verdict) => verdict.turn === turn)));
  const categories = [...new Set(verdicts.map(({ category }) => category))];
  return {
    overall: meanOf(verdicts),
    turns: byTurn(verdicts),
    categories: Object.fromEntries(categories.map((category) => {
      const own = verdicts.filter((verdict) => verdict.category === category);
      return [category, { ...meanOf(own), turns: byTurn(own) }];
    })),
    unreadable: verdicts.filter(({ value }) => value === null).length,
  };
}

/**
 * The mean of all verdicts, and its error with the questions as clusters: the square root of
 * q / (q - 1) · Σ (Σ (value - mean))² / count², the inner sum over the turns of a question, the outer one over q
 * questions. Where each has as many verdicts, it is sd / √q of the questions' own means.
 */
function meanOf(verdicts: readonly MtVerdict[]): MtMean {
  const read = verdicts.flatMap(({ id, value }) => value === null ? [] : [{ id, value }]);
  const count = read.length;
  if (count === 0) return { mean: null, stderr: null, count };
  const mean = read.reduce((sum, { value }) => sum + value, 0) / count;
  const residuals = new Map<number, number>();
  for (const { id, value } of read) residuals.set(id, (residuals.get(id) ?? 0) + value - mean);
  const questions = residuals.size;
  const squares = [...residuals.values()].reduce((sum, residual) => sum + residual ** 2, 0);
  return { mean, stderr: questions < 2 ? null : Math.sqrt(questions / (questions - 1) * squares) / count, count };
}
