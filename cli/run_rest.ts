/** How long a run of several iterations still takes, by what its stages took before. @module */
import type { ProgressEvent } from "../core/progress.ts";

/** Stages of an iteration: generate, label, reference, optimize, evaluate. */
const USUAL_STAGES = 5;

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

  /** How much of the run is done, from 0 to 1: by the stages' times once an iteration was seen, before by their number. */
  share({ iteration, done, total }: ProgressEvent): number {
    if (iteration === undefined || this.#current === null) return 0;
    const part = total > 0 ? done / total : 0;
    const { stage } = this.#current;
    const seconds = [...this.#took];
    const whole = seconds.reduce((sum, [, took]) => sum + took, 0);
    const past = seconds.reduce((sum, [name, took]) => sum + (name !== stage && this.#begun.has(name) ? took : 0), 0);
    const within = iteration > 0 && whole > 0
      ? (past + part * (this.#took.get(stage) ?? 0)) / whole
      : (this.#begun.size - 1 + part) / Math.max(USUAL_STAGES, this.#begun.size);
    return Math.min(1, (iteration + within) / this.#iterations);
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
