/** Which numbers of a verifier tell something: the share of right answers, their mean score, or both. @module */

type Values = Readonly<Partial<Record<string, number>>>;

/** Shares of right answers. */
const SHARES = ["sampled", "greedy"] as const;

/**
 * The keys of a summary that say nothing of a run with these evaluations. Where each score is 0 or 1, the mean score is the
 * share of right answers, and that alone is told; where scores leave 0 to 1, a score of 1 is not what is right.
 */
export function idleScoreKeys(evaluations: readonly Values[]): Set<string> {
  const leaves = evaluations.some(({ score_min: least = 0, score_max: most = 1 }) => least < 0 || most > 1);
  // From 0 to 1 a mean is the share of ones only where no score lies between.
  const isGraded = leaves ||
    evaluations.some((values) =>
      SHARES.some((key) => values[`${key}_score`] !== undefined && values[`${key}_score`] !== values[key])
    );
  const scores = SHARES.flatMap((key) => [`${key}_score`, `${key}_score_stderr`]);
  return new Set([...(leaves ? SHARES : []), ...(isGraded ? [] : [...scores, "score_min", "score_max"])]);
}

/** The numbers whose keys are not `idle`. */
export function withoutIdle<V>(values: Readonly<Record<string, V>>, idle: ReadonlySet<string>): Record<string, V> {
  return Object.fromEntries(Object.entries(values).filter(([key]) => !idle.has(key)));
}
