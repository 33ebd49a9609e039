/** The LM head with and without noise in plain float64, for its test. @module */
import { normal4 } from "../../../kernels/random/philox.ts";
import { randomF32 } from "../../_shared/device.ts";

/** Entries with all that both LM heads read; numbers are f32 values held in float64. */
export interface Problem {
  rows: number;
  hidden: number;
  vocab: number;
  h: Float64Array;
  weight: Float64Array;
  noiseWeight: Float64Array;
  /** What the noise's weight is multiplied with in place of h: [rows, columns]. */
  noiseInput: { x: Float64Array; columns: number } | null;
  noiseBias: Float64Array;
  target: Uint32Array<ArrayBuffer>;
  example: Uint32Array<ArrayBuffer>;
  position: Uint32Array<ArrayBuffer>;
  sequence: Uint32Array<ArrayBuffer>;
  /** Coefficient of each sequence's summed log-probability. */
  dlogp: Float64Array;
  varianceScale: number;
  maxVariance: number;
  seed: number;
  iteration: number;
  step: number;
}

/** Sizes of a problem, and how it is cut. */
export interface Shape {
  rows: number;
  hidden: number;
  vocab: number;
  tileColumns?: number;
  tileBytes?: number;
  /** Columns of the noise's own input (default: it reads h). */
  noiseColumns?: number;
}

/** A problem of pseudo-random numbers; logits have about this standard deviation. */
export function makeProblem({ rows, hidden, vocab, noiseColumns }: Shape, logitScale = 2): Problem {
  const draw = (length: number, seed: number, scale: number): Float64Array =>
    Float64Array.from(randomF32(length, seed, scale));
  const sequences = Math.ceil(rows / 5);
  const columns = noiseColumns ?? hidden;
  return {
    rows,
    hidden,
    vocab,
    h: draw(rows * hidden, 1, 1),
    weight: draw(vocab * hidden, 2, logitScale / Math.sqrt(hidden)),
    noiseWeight: draw(vocab * columns, 3, 0.8 / Math.sqrt(columns)),
    noiseInput: noiseColumns === undefined ? null : { x: draw(rows * columns, 6, 1), columns },
    noiseBias: draw(vocab, 4, 0.2),
    target: Uint32Array.from({ length: rows }, (_, i) => (i * 37 + vocab - 1) % vocab),
    example: Uint32Array.from({ length: rows }, (_, i) => Math.floor(i / 5) * 3 + 1),
    position: Uint32Array.from({ length: rows }, (_, i) => 11 + (i % 5)),
    sequence: Uint32Array.from({ length: rows }, (_, i) => Math.floor(i / 5)),
    dlogp: draw(sequences, 5, 1),
    varianceScale: 0.0078125,
    maxVariance: 0.75,
    seed: 0xfffffff1,
    iteration: 2,
    step: 9,
  };
}

/** The entries chosen, as a problem of their own. */
export function selectRows(problem: Problem, rows: readonly number[]): Problem {
  const { hidden, noiseInput } = problem;
  const pick = (x: Uint32Array): Uint32Array<ArrayBuffer> => Uint32Array.from(rows, (r) => x[r]!);
  return {
    ...problem,
    rows: rows.length,
    h: Float64Array.from(rows.flatMap((r) => [...problem.h.subarray(r * hidden, (r + 1) * hidden)])),
    noiseInput: noiseInput && {
      ...noiseInput,
      x: Float64Array.from(
        rows.flatMap((r) => [...noiseInput.x.subarray(r * noiseInput.columns, (r + 1) * noiseInput.columns)]),
      ),
    },
    target: pick(problem.target),
    example: pick(problem.example),
    position: pick(problem.position),
    sequence: pick(problem.sequence),
  };
}

/** n of each entry, [rows, vocab] in float64. */
export function normals({ rows, vocab, example, position, seed, iteration, step }: Problem): Float64Array {
  const out = new Float64Array(rows * vocab);
  for (let e = 0; e < rows; e++) {
    for (let v = 0; v < vocab; v += 4) {
      const four = normal4([v >> 2, position[e]!, example[e]!, step], [seed, iteration]);
      out.set(four.slice(0, Math.min(4, vocab - v)), e * vocab + v);
    }
  }
  return out;
}

/** h · weightᵀ of one entry. */
function logitsOf({ h, hidden, vocab, weight }: Problem, e: number): Float64Array {
  return Float64Array.from({ length: vocab }, (_, v) => {
    let sum = 0;
    for (let k = 0; k < hidden; k++) sum += h[e * hidden + k]! * weight[v * hidden + k]!;
    return sum;
  });
}

/** The noise generator's output for one entry. */
function noiseOf(problem: Problem, e: number): Float64Array {
  const { x, columns } = noiseInputOf(problem);
  return Float64Array.from({ length: problem.vocab }, (_, v) => {
    let sum = problem.noiseBias[v]!;
    for (let k = 0; k < columns; k++) sum += x[e * columns + k]! * problem.noiseWeight[v * columns + k]!;
    return sum;
  });
}

function noiseInputOf({ noiseInput, h, hidden }: Problem): NonNullable<Problem["noiseInput"]> {
  return noiseInput ?? { x: h, columns: hidden };
}

function logSumExp(z: Float64Array): number {
  const top = z.reduce((a, b) => Math.max(a, b));
  return top + Math.log(z.reduce((sum, x) => sum + Math.exp(x - top), 0));
}

/** What the forward passes give, by entry. */
export interface Scores {
  logp: number[];
  lse: number[];
  logpNoised: number[];
  lseNoised: number[];
  sigmaSquared: number[];
}

/** All outputs, in float64, straight from the definition. */
export function reference(problem: Problem, n: Float64Array): Scores {
  const out: Scores = { logp: [], lse: [], logpNoised: [], lseNoised: [], sigmaSquared: [] };
  const s = Math.sqrt(problem.maxVariance);
  for (let e = 0; e < problem.rows; e++) {
    const z = logitsOf(problem, e);
    const r = noiseOf(problem, e);
    const sigma = r.map((x) => s * Math.tanh(x / s));
    const noised = z.map((x, v) => x + sigma[v]! * n[e * problem.vocab + v]!);
    const target = problem.target[e]!;
    out.lse.push(logSumExp(z));
    out.logp.push(z[target]! - out.lse[e]!);
    out.lseNoised.push(logSumExp(noised));
    out.logpNoised.push(noised[target]! - out.lseNoised[e]!);
    out.sigmaSquared.push(sigma.reduce((sum, x) => sum + x * x, 0));
  }
  return out;
}

/** Σ dlogp · logp. */
export function objective(problem: Problem): number {
  let sum = 0;
  for (let e = 0; e < problem.rows; e++) {
    const z = logitsOf(problem, e);
    sum += problem.dlogp[problem.sequence[e]!]! * (z[problem.target[e]!]! - logSumExp(z));
  }
  return sum;
}

/** Σ dlogp · logpNoised + varianceScale · Σσ². */
export function noiseObjective(problem: Problem, n: Float64Array): number {
  const { logpNoised, sigmaSquared } = reference(problem, n);
  return logpNoised.reduce(
    (sum, logp, e) => sum + problem.dlogp[problem.sequence[e]!]! * logp + problem.varianceScale * sigmaSquared[e]!,
    0,
  );
}

/** What the backward passes give. */
export interface Gradients {
  dh: Float64Array;
  dweight: Float64Array;
  dnoiseWeight: Float64Array;
  /** Empty where the noise reads h. */
  dnoiseInput: Float64Array;
  dnoiseBias: Float64Array;
}

/** The gradients of both objectives, in float64. */
export function referenceGradients(problem: Problem, n: Float64Array): Gradients {
  const { rows, hidden, vocab, h, weight, target, varianceScale } = problem;
  const { x, columns } = noiseInputOf(problem);
  const out = {
    dh: new Float64Array(rows * hidden),
    dweight: new Float64Array(vocab * hidden),
    dnoiseWeight: new Float64Array(vocab * columns),
    dnoiseInput: new Float64Array(problem.noiseInput ? rows * columns : 0),
    dnoiseBias: new Float64Array(vocab),
  };
  const s = Math.sqrt(problem.maxVariance);
  const { lse, lseNoised } = reference(problem, n);
  for (let e = 0; e < rows; e++) {
    const g = problem.dlogp[problem.sequence[e]!]!;
    const z = logitsOf(problem, e);
    const r = noiseOf(problem, e);
    for (let v = 0; v < vocab; v++) {
      const hit = v === target[e] ? 1 : 0;
      const noise = n[e * vocab + v]!;
      const tanh = Math.tanh(r[v]! / s);
      const dz = g * (hit - Math.exp(z[v]! - lse[e]!));
      const dnoised = g * (hit - Math.exp(z[v]! + s * tanh * noise - lseNoised[e]!));
      const dr = (dnoised * noise + 2 * varianceScale * s * tanh) * (1 - tanh * tanh);
      out.dnoiseBias[v]! += dr;
      for (let k = 0; k < hidden; k++) {
        out.dh[e * hidden + k]! += dz * weight[v * hidden + k]!;
        out.dweight[v * hidden + k]! += dz * h[e * hidden + k]!;
      }
      for (let k = 0; k < columns; k++) {
        out.dnoiseWeight[v * columns + k]! += dr * x[e * columns + k]!;
        if (problem.noiseInput) out.dnoiseInput[e * columns + k]! += dr * problem.noiseWeight[v * columns + k]!;
      }
    }
  }
  return out;
}
