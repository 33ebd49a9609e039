/** Means and their errors: of documents, and over runs that differ in their seeds alone. @module */

/** A mean of several numbers. */
export interface Mean {
  mean: number;
  /** Standard error of the mean, sd / sqrt(n) with n − 1 in sd; null for one number. */
  stderr: number | null;
  /** How many numbers there are. */
  n: number;
}

/** Mean and standard error of `values`, of which there is at least one. */
export function meanOf(values: readonly number[]): Mean {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  return { mean, stderr: n > 1 ? Math.sqrt(variance / n) : null, n };
}
