/** Numeric gradients of plain float64 references. @module */

/** d f / d x by central differences, for every element of `x` (which is restored). */
export function numericGradient(f: () => number, x: Float64Array | number[], step = 1e-5): Float64Array {
  const gradient = new Float64Array(x.length);
  for (let i = 0; i < x.length; i++) {
    const kept = x[i]!;
    x[i] = kept + step;
    const up = f();
    x[i] = kept - step;
    const down = f();
    x[i] = kept;
    gradient[i] = (up - down) / (2 * step);
  }
  return gradient;
}
