/** How long stages still take that were expected to take so many seconds. @module */

/** A stage and the seconds that it is expected to take. */
export interface ExpectedStage {
  stage: string;
  seconds: number;
}

/** Less than this many seconds tell little of how right the expectations are. */
const LEAST_S = 1;

/** Keeps stages that follow each other, and corrects what is expected of them by what those before took. */
export class ExpectedRest {
  readonly #stages: readonly ExpectedStage[];
  #current: { at: number; since: number } | null = null;
  /** Seconds that the stages which are over took, and were expected to take. */
  #took = 0;
  #expected = 0;

  constructor(stages: readonly ExpectedStage[]) {
    this.#stages = stages;
  }

  /** Sees that a stage is at hand, at a time in seconds. */
  see(stage: string, now: number): void {
    const before = this.#current;
    const at = this.#stages.findIndex((each) => each.stage === stage);
    if (before?.at === at) return;
    if (before !== null) {
      this.#took += now - before.since;
      this.#expected += this.#stages[before.at]!.seconds;
    }
    this.#current = at < 0 ? null : { at, since: now };
  }

  /** Seconds until all stages are over, if the one at hand takes `rest` more; null if it is the last, or not known. */
  rest(rest: number): number | null {
    const current = this.#current;
    if (current === null || current.at === this.#stages.length - 1) return null;
    const later = this.#stages.slice(current.at + 1).reduce((sum, { seconds }) => sum + seconds, 0);
    const pace = this.#took >= LEAST_S && this.#expected > 0 ? this.#took / this.#expected : 1;
    return rest + pace * later;
  }
}
