/** What every wrong input must end in: one line that names the place, soon. @module */
import { AssertionError } from "node:assert/strict";
import { UserError } from "../../core/error.ts";
import { cpuMs } from "./linear_time.ts";

/**
 * The most of the cores' time that any wrong input may take, in milliseconds: a second on quiet cores, which others that
 * share their caches make three of.
 */
const LIMIT_MS = 3000;

/** The longest that it may take, waiting and other processes included. */
const WALL_LIMIT_MS = 30_000;

/** A wrong input: what it is, the text or file, and what its error must say. */
export type Case<T> = readonly [what: string, input: T, says: RegExp];

interface Expected {
  says?: RegExp;
  lines?: number;
  mayPass?: boolean;
}

/** What is wrong with how `run` ended, or null where it threw one line (of `lines`) that says what it should. */
async function faultOf(run: () => unknown, expected: Expected): Promise<string | null> {
  const fault = await tryOnce(run, expected);
  // Once more: code that is compiled, and memory that is cleared meanwhile, take time of their own.
  return fault?.startsWith("it took") ? await tryOnce(run, expected) : fault;
}

async function tryOnce(
  run: () => unknown,
  { says = /./, lines = 1, mayPass = false }: Expected,
): Promise<string | null> {
  const [started, startedAt] = [cpuMs(), performance.now()];
  let error: unknown;
  try {
    await run();
    if (!mayPass) return "it was taken";
  } catch (thrown) {
    error = thrown;
  }
  const [took, waited] = [cpuMs() - started, performance.now() - startedAt];
  if (took > LIMIT_MS || waited > WALL_LIMIT_MS) {
    return `it took ${took.toFixed(0)} ms of the cores' time, and ${waited.toFixed(0)} ms`;
  }
  if (error === undefined) return null;
  if (!(error instanceof UserError)) return `it threw ${error instanceof Error ? error.stack : error}`;
  const { message } = error;
  if (message.split("\n").length > lines) return `it has more than ${lines} lines: ${message}`;
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x09\x0b-\x1f\x7f-\x9f]/.test(message)) return `it has control characters: ${JSON.stringify(message)}`;
  if (message.length > 1000) return `it has ${message.length} characters`;
  if (!says.test(message)) return `it says ${message}, expected ${says}`;
  return null;
}

/** Runs every case, and throws one error that tells of all that went wrong. */
export async function refuseAll<T>(
  cases: readonly Case<T>[],
  run: (input: T) => unknown,
  options: { lines?: number } = {},
): Promise<void> {
  const faults: string[] = [];
  for (const [what, input, says] of cases) {
    const fault = await faultOf(() => run(input), { ...options, says });
    if (fault !== null) faults.push(`${what}: ${fault}`);
  }
  if (faults.length > 0) {
    throw new AssertionError({ message: `${faults.length} of ${cases.length} inputs:\n${faults.join("\n")}` });
  }
}

/** Throws where a mutated input neither passes nor ends in one line. */
export async function passesOrRefuses(run: () => unknown, options: { lines?: number } = {}): Promise<void> {
  const fault = await faultOf(run, { ...options, mayPass: true });
  if (fault !== null) throw new AssertionError({ message: fault });
}
