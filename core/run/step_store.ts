/** Holds a run's steps, thinned where there are very many. @module */
import type { LoggedStep } from "./read_run.ts";

/** The most steps that are held. */
const MAX_STEPS = 4000;

/** Steps by iteration and number: each once, the one that was added last. */
export class StepStore {
  /** Of how many logged steps one is held. */
  stride = 1;
  readonly #steps = new Map<string, { step: LoggedStep; index: number }>();
  #added = 0;
  #last: LoggedStep | null = null;
  readonly #most: number;

  /** An empty store of `most` steps at most. */
  constructor(most: number = MAX_STEPS) {
    this.#most = most;
  }

  /** Adds a step. */
  add(step: LoggedStep): void {
    const index = this.#added++;
    this.#last = step;
    const key = `${step.iteration} ${step.step}`;
    if (index % this.stride !== 0 && !this.#steps.has(key)) return;
    this.#steps.set(key, { step, index });
    if (this.#steps.size <= this.#most) return;
    this.stride *= 2;
    for (const [key, { index }] of this.#steps) if (index % this.stride !== 0) this.#steps.delete(key);
  }

  /** Forgets all. */
  clear(): void {
    this.#steps.clear();
    this.stride = 1;
    this.#added = 0;
    this.#last = null;
  }

  /** The steps that are held and the last one, in order. */
  all(): LoggedStep[] {
    const steps = [...this.#steps.values()].map(({ step }) => step);
    if (this.#last !== null && !steps.includes(this.#last)) steps.push(this.#last);
    return steps.sort((a, b) => a.iteration - b.iteration || a.step - b.step);
  }
}
