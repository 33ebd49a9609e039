/** Comparison of a training run with another one: logged numbers, and where the weights went. @module */
import { AssertionError } from "node:assert/strict";
import { openSafetensorsAt } from "../../core/checkpoint/stored_weights.ts";
import { assertClose } from "./assert_close.ts";

/** Logged numbers of a step by name. */
export type Logged = Readonly<Record<string, number>>;

/** Tensors by name, float32. */
export type Tensors = ReadonlyMap<string, Float32Array>;

/** Smaller numbers are compared absolutely: rewards are differences of log-probabilities a thousand times as large. */
const atolOf = (name: string): number => name.startsWith("rewards/") ? 1e-5 : 1e-7;

/** The rows of a file of JSON lines. */
export async function readJsonLines<T = Logged>(path: string): Promise<T[]> {
  return (await Deno.readTextFile(path)).split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

/** Every tensor of a safetensors file. */
export async function readTensors(path: string): Promise<Tensors> {
  const weights = await openSafetensorsAt(path);
  const tensors = new Map<string, Float32Array>();
  for (const name of [...weights.tensors.keys()].sort()) tensors.set(name, await weights.readFloat32(name));
  return tensors;
}

/** Throws where a number that `expected` has differs by more than `rtol`, or 1e-5 of a reward and 1e-7 of others. */
export function assertTrajectory(
  actual: readonly Logged[],
  expected: readonly Logged[],
  { label, rtol = 1e-4 }: { label: string; rtol?: number },
): void {
  const steps = (lines: readonly Logged[]): string => lines.map(({ step }) => step).join(" ");
  if (steps(actual) !== steps(expected)) {
    throw new AssertionError({ message: `${label}: logged steps are ${steps(actual)}, expected ${steps(expected)}` });
  }
  for (const [i, line] of expected.entries()) {
    for (const [name, value] of Object.entries(line)) {
      const place = `${label}: step ${line.step} ${name}`;
      const got = actual[i]![name];
      if (got === undefined) throw new AssertionError({ message: `${place} is not logged, expected ${value}` });
      // The larger of the two, not their sum.
      assertClose(got, value, { label: place, atol: Math.max(atolOf(name), rtol * Math.abs(value)) });
    }
  }
}

/** ‖actual − expected‖ / ‖expected − start‖ over all tensors; throws where the names or lengths differ. */
export function updateError(actual: Tensors, { start, expected }: { start: Tensors; expected: Tensors }): number {
  const names = (tensors: Tensors): string => [...tensors.keys()].sort().join(" ");
  if (names(actual) !== names(expected)) {
    throw new AssertionError({ message: `tensors are ${names(actual)}, expected ${names(expected)}` });
  }
  let error = 0;
  let update = 0;
  for (const [name, to] of expected) {
    const got = actual.get(name)!;
    const from = start.get(name) ?? new Float32Array(to.length);
    if (got.length !== to.length || from.length !== to.length) {
      throw new AssertionError({ message: `${name}: length is ${got.length}, expected ${to.length}` });
    }
    for (let i = 0; i < to.length; i++) {
      error += (got[i]! - to[i]!) ** 2;
      update += (to[i]! - from[i]!) ** 2;
    }
  }
  return Math.sqrt(error / update);
}

/** Throws where {@linkcode updateError} is above `most`. */
export function assertUpdate(
  actual: Tensors,
  run: { start: Tensors; expected: Tensors },
  { label, most }: { label: string; most: number },
): void {
  const error = updateError(actual, run);
  // Written so that a NaN fails.
  if (!(error <= most)) {
    const share = (x: number): string => `${(100 * x).toPrecision(3)} %`;
    throw new AssertionError({ message: `${label}: differ by ${share(error)} of the update, expected ${share(most)}` });
  }
}
