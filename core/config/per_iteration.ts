/** Settings that may differ between the iterations of a run. @module */

/** A setting that may be given once, or once per iteration (the last entry repeats). */
export type PerIteration<T> = T | T[];

/** The setting of an iteration (from 0): entry `iteration` of a list, or its last. */
export function entryOf<T>(setting: PerIteration<T>, iteration: number): T {
  return Array.isArray(setting) ? setting[Math.min(iteration, setting.length - 1)]! : setting;
}
