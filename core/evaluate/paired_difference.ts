/** How two models differ on the same documents, and how sure that is. @module */
import { meanOf } from "./seed_means.ts";
import { signTest } from "./win_rate.ts";

/** The difference of a metric on the same documents. */
export interface PairedDifference {
  /** Documents that both have. */
  rows: number;
  /** Mean of the second model's values less the first one's. */
  difference: number;
  /** Standard error of the difference, of the pairs: sd(d) / sqrt(n) with n - 1 in sd; null for one row. */
  stderr: number | null;
  /** difference / stderr; null where there is no error, or where it is 0. */
  z: number | null;
  /** Exact two-sided McNemar test, if every value is 0 or 1; null otherwise. */
  mcnemar: number | null;
}

/**
 * The difference of `values` and `baseline`, which have a value for each document in the same order. A sample that
 * two models share takes the documents' own difficulty out of the error. Throws a RangeError where there is no document
 * or the lengths differ.
 */
export function pairedDifference(values: readonly number[], baseline: readonly number[]): PairedDifference {
  const rows = values.length;
  if (rows === 0 || baseline.length !== rows) {
    throw new RangeError(`Cannot pair ${rows} values with ${baseline.length}, expected the same number, at least 1`);
  }
  const differences = values.map((value, i) => value - baseline[i]!);
  const { mean: difference, stderr } = meanOf(differences);
  const binary = [...values, ...baseline].every((value) => value === 0 || value === 1);
  return {
    rows,
    difference,
    stderr,
    z: stderr === null || stderr === 0 ? null : difference / stderr,
    mcnemar: binary ? mcnemar(differences) : null,
  };
}

/** McNemar's exact test is the sign test of the documents on which the two are not alike (Q. McNemar, 1947). */
function mcnemar(differences: readonly number[]): number {
  return signTest(differences.filter((d) => d > 0).length, differences.filter((d) => d < 0).length);
}
