/** Whether a run that goes on has the settings that it began with. @module */
import { UserError } from "../error.ts";

/** Keys that may differ: how far a run goes and what it keeps, not what it computes. */
const MAY_DIFFER = [
  "iterations",
  "output_dir",
  "generation.batch_size",
  "labels.verifier_timeout",
  "training.on_nan",
  "training.save_steps",
  "training.save_total_limit",
];

/**
 * Throws a UserError naming the first key in which `is` differs from `was`, the settings that `file` holds: `what` that
 * goes on with others would be neither the one nor the other. `advice` says what to do.
 */
export function checkSameSettings(
  was: unknown,
  is: unknown,
  { what, file, advice }: { what: string; file: string; advice: string },
): void {
  // As JSON has it: without keys that are not set.
  const found = firstDifference(asJson(was), asJson(is), []);
  if (found === null) return;
  throw new UserError(
    `Cannot go on with ${what}: ${found.key} is ${show(found.is)}, expected ${
      show(found.was)
    } as in ${file}; ${advice}`,
  );
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? "not set";
}

function asJson(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

function firstDifference(
  was: unknown,
  is: unknown,
  path: readonly string[],
): { key: string; was: unknown; is: unknown } | null {
  const key = path.join(".");
  if (MAY_DIFFER.includes(key)) return null;
  if (typeof was === "object" && typeof is === "object" && was && is && !Array.isArray(was) && !Array.isArray(is)) {
    const [a, b] = [was as Record<string, unknown>, is as Record<string, unknown>];
    for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const found = firstDifference(a[name], b[name], [...path, name]);
      if (found) return found;
    }
    return null;
  }
  return JSON.stringify(was) === JSON.stringify(is) ? null : { key, was, is };
}
