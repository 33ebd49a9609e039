/** Timing in alternation. @module */
import type { Contender, Context, Result, Unit } from "./bench_types.ts";

/** The middle value; of an even number the mean of the two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** A round of more seconds is repeated less often. */
const LONG_ROUND = 20;
const FEW_ROUNDS = 2;
const MAX_REPEATS = 1000;

/** Seconds that `work` takes. */
export async function seconds(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

/** How often to repeat a contender's work for a round of `batchSeconds` or more, and what that takes; the first run warms up. */
export async function repeatsFor(
  contender: Pick<Contender, "run">,
  batchSeconds: number,
): Promise<{ count: number; seconds: number }> {
  let count = 1;
  let seconds = await contender.run(count);
  // Not by division alone: of a short run the fence is the larger part.
  while (seconds < batchSeconds && count < MAX_REPEATS) {
    count = Math.min(MAX_REPEATS, Math.max(2 * count, Math.ceil(count * batchSeconds / seconds)));
    seconds = await contender.run(count);
  }
  return { count, seconds };
}

/**
 * Checks every contender, then times them in rounds whose order turns around (A B, B A, …): medians of the rates, and of
 * the rounds' ratios. The first contender is the one whose number it is. A fence costs 11 ms or more in Deno, so that a
 * round repeats short work until it fills `batchSeconds`. Frees the contenders.
 */
export async function compare(
  { rounds: wanted, batchSeconds, notes }: Context,
  { name, unit, work, contenders }: { name: string; unit: Unit; work: number; contenders: readonly Contender[] },
): Promise<Result> {
  try {
    const repeats = new Map<Contender, number>();
    let round = 0;
    for (const contender of contenders) {
      await contender.check();
      const { count, seconds } = await repeatsFor(contender, batchSeconds);
      repeats.set(contender, count);
      round += seconds;
    }
    const rounds = round > LONG_ROUND ? Math.min(wanted, FEW_ROUNDS) : wanted;
    if (rounds < wanted) notes.push(`${name}: ${rounds} rounds, as one takes ${round.toFixed(0)} s.`);
    const rates = new Map(contenders.map((contender): [Contender, number[]] => [contender, []]));
    for (let i = 0; i < rounds; i++) {
      for (const contender of i % 2 === 0 ? contenders : contenders.toReversed()) {
        const count = repeats.get(contender)!;
        rates.get(contender)!.push(count * (contender.work ?? work) / await contender.run(count));
      }
    }
    const [own, ...others] = contenders;
    const ours = rates.get(own!)!;
    return {
      name,
      unit,
      value: median(ours),
      peers: Object.fromEntries(others.map((peer) => [peer.name, median(rates.get(peer)!)])),
      ratio: Object.fromEntries(
        others.map((peer) => [peer.name, median(rates.get(peer)!.map((rate, i) => ours[i]! / rate))]),
      ),
    };
  } finally {
    for (const contender of contenders) contender.free?.();
  }
}

/** A result without alternation: something counted, or measured once. */
export function fact(name: string, unit: Unit, value: number, peers: Record<string, number> = {}): Result {
  const ratio = Object.fromEntries(Object.entries(peers).map(([peer, other]) => [peer, value / other]));
  return { name, unit, value, peers, ratio };
}

/** Throws where `actual` differs from `expected` by more than `rtol` of the largest expected value. */
export function checkClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { label, rtol = 1e-4 }: { label: string; rtol?: number },
): void {
  if (actual.length !== expected.length) {
    throw new Error(`${label}: length is ${actual.length}, expected ${expected.length}`);
  }
  const largest = Array.from(expected).reduce((most, x) => Math.max(most, Math.abs(x)), 1e-30);
  for (let i = 0; i < expected.length; i++) {
    // Written so that a NaN fails.
    if (!(Math.abs(actual[i]! - expected[i]!) <= rtol * largest)) {
      throw new Error(`${label}: value ${i} is ${actual[i]}, expected ${expected[i]}`);
    }
  }
}

/** The exponent p of y ≈ c·xᵖ by least squares of the logarithms. */
export function fitExponent(points: readonly (readonly [x: number, y: number])[]): number {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const);
  const mean = (i: 0 | 1): number => logs.reduce((sum, p) => sum + p[i], 0) / logs.length;
  const [mx, my] = [mean(0), mean(1)];
  const covariance = logs.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0);
  return covariance / logs.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
}
