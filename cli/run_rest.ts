/** How long a run of several iterations still takes, by what its stages took before. @module */
import type { ProgressEvent } from "../core/progress.ts";

/** Keeps the seconds of a run's stages. */
export class RunRest {
  readonly #iterations: number;
  /** Seconds of each stage of an iteration, as it last took, in the order of an iteration. */
  readonly #took = new Map<string, number>();
  #current: { stage: string; iteration: number; since: number } | null = null;
  /** Stages of the iteration at hand that are over or under way. */
  #begun = new Set<string>();

  constructor(iterations: number) {
    this.#iterations = iterations;
  }

  /** Sees an event at a time in seconds. */
  see({ stage, iteration }: ProgressEvent, now: number): void {
    const before = this.#current;
    if (before?.stage === stage && before.iteration === iteration) return;
    if (before !== null) this.#took.set(before.stage, now - before.since);
    // The model at the start is measured before iteration 0.
    if (iteration === undefined) {
      this.#current = null;
      return;
    }
    if (before === null || before.iteration !== iteration) this.#begun = new Set();
    this.#begun.add(stage);
    this.#current = { stage, iteration, since: now };
  }

  /** Seconds until the run ends, if the stage at hand ends in `stageRest`; null before an iteration was seen to its end. */
  rest({ iteration }: ProgressEvent, stageRest: number): number | null {
    if (iteration === undefined || iteration < 1 || this.#current === null) return null;
    const seconds = [...this.#took];
    const whole = seconds.reduce((sum, [, took]) => sum + took, 0);
    const later = seconds.reduce((sum, [stage, took]) => sum + (this.#begun.has(stage) ? 0 : took), 0);
    return stageRest + later + whole * Math.max(0, this.#iterations - 1 - iteration);
  }
}
