/** Whether time grows with the work and no faster, on this machine, however busy others keep it. @module */
import { AssertionError } from "node:assert/strict";
import process from "node:process";

/** Milliseconds of the cores' time that this process has taken: what other processes take does not count. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Twice the work takes twice the time if it is linear, and four times if it is quadratic. */
const MOST_GROWTH = 3.2;

/** What takes less than this cannot be measured, and is fast: other than linear work of these sizes takes seconds. */
const LEAST_MS = 100;

/** Compilation, collection and busy caches make single times longer; V8's own caches of results make them shorter. */
const TRIES = 9;

/** Throws if `work(2 * size)` takes more than about twice as long as `work(size)`. */
export function assertLinear(what: string, size: number, work: (size: number) => unknown): void {
  const timeOf = (size: number): number => {
    const started = cpuMs();
    work(size);
    return cpuMs() - started;
  };
  timeOf(size);
  const once: number[] = [];
  let twice = Infinity;
  for (let i = 0; i < TRIES; i++) {
    once.push(timeOf(size));
    twice = Math.min(twice, timeOf(2 * size));
    if (twice <= Math.max(LEAST_MS, MOST_GROWTH * median(once))) return;
  }
  const times = `${median(once).toFixed(0)} ms for ${size}, ${twice.toFixed(0)} ms for ${2 * size}`;
  throw new AssertionError({ message: `${what} takes ${times}, expected about twice as much` });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
