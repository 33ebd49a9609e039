/** Checks that a run which goes on uses the settings that it began with. @module */
import { UserError } from "../error.ts";
import { isRecord } from "../values.ts";
import { knownKeys } from "./config_keys.ts";

const STEP_ROWS = "per_device_train_batch_size * gradient_accumulation_steps";

/**
 * Throws a UserError naming the first key in which the settings `is` differ from `was`, those in `file`. If `what` went
 * on with other settings, its result would belong to neither. `advice` tells the user what to do.
 */
export function checkSameSettings(
  was: unknown,
  is: unknown,
  { what, file, advice }: { what: string; file: string; advice: string },
): void {
  // JSON drops keys that are undefined.
  const found = firstDifference(wholeBatches(asJson(was)), wholeBatches(asJson(is)), []);
  if (found === null) return;
  throw new UserError(
    `Cannot go on with ${what}: ${found.key} is ${show(found.is)}, expected ${
      show(found.was)
    } as in ${file}; ${advice}`,
  );
}

/**
 * Adds the rows of an optimizer step to the settings, to be compared in place of the two keys whose product they are:
 * how a step is cut into micro-batches changes only the last digits.
 */
function wholeBatches(settings: unknown): unknown {
  if (!isRecord(settings) || !isRecord(settings.training)) return settings;
  const { per_device_train_batch_size: size, gradient_accumulation_steps: steps } = settings.training;
  const rows = Number(size) * Number(steps);
  return Number.isNaN(rows) ? settings : { ...settings, training: { ...settings.training, [STEP_ROWS]: rows } };
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
  // How far a run goes and what it keeps may differ; what it computes may not.
  const known = knownKeys().get(path.filter((step) => !/^\d+$/.test(step)).join("."));
  if (known?.facts.mayDiffer) return null;
  // A run that began before there was the key had what is the default now.
  if (was === undefined && is !== undefined && JSON.stringify(is) === JSON.stringify(known?.default)) return null;
  if (isNested(was) && isNested(is) && Array.isArray(was) === Array.isArray(is)) {
    const [a, b] = [was as Record<string, unknown>, is as Record<string, unknown>];
    for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const found = firstDifference(a[name], b[name], [...path, name]);
      if (found) return found;
    }
    return null;
  }
  return JSON.stringify(was, plainPath) === JSON.stringify(is, plainPath) ? null : { key, was, is };
}

/** A text that may be a path, without `./` before it and `/` behind it; texts of several words stay as they are. */
function plainPath(_key: string, value: unknown): unknown {
  if (typeof value !== "string" || /[\s{}]|:\/\//.test(value)) return value;
  return value.replace(/^(?:\.\/+)+(?=.)/, "").replace(/(?<=.)\/+$/, "");
}

/** A mapping, or a list of mappings; other lists are compared as a whole. */
function isNested(value: unknown): boolean {
  return Array.isArray(value) ? value.some(isNested) : isRecord(value);
}
