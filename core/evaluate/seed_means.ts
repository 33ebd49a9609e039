/** Means and errors over runs that differ in their seeds alone. @module */

/** A number over several seeds. */
export interface Mean {
  mean: number;
  /** Standard error of the mean, sd / sqrt(n) with n − 1 in sd; null for one seed. */
  stderr: number | null;
  /** Seeds that have the number. */
  n: number;
}

/** Mean and standard error of `values`, of which there is at least one. */
export function meanOf(values: readonly number[]): Mean {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  return { mean, stderr: n > 1 ? Math.sqrt(variance / n) : null, n };
}
