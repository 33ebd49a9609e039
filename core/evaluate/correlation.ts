/** How two numbers go together. @module */

/** Pearson's correlation of values by their places; null where there are fewer than two, or one side does not vary. */
export function correlation(xs: readonly number[], ys: readonly number[]): number | null {
  const [x, y] = [centred(xs), centred(ys)];
  const sumOf = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, v, i) => sum + v * b[i]!, 0);
  const product = Math.sqrt(sumOf(x, x)) * Math.sqrt(sumOf(y, y));
  return product === 0 ? null : sumOf(x, y) / product;
}

function centred(values: readonly number[]): number[] {
  // Values that are all the same have a mean that may differ from them in its last digit.
  if (values.every((value) => value === values[0])) return values.map(() => 0);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.map((value) => value - mean);
}
