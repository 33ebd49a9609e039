/**
 * How long recorded work will take, so that it can be cut into submissions of bounded time: drivers reset a device
 * whose submission runs for seconds, and while one runs a screen on the same device stands still.
 *
 * What a device does in a second is unknown at first, and then learned at the waits for it that there are anyway.
 *
 * @module
 */

/**
 * Kinds of work whose speed differs. Amounts of `forward`, `backward` and `decode` (products of few rows, whose time is
 * that of reading the matrix) are FLOP, those of `update` (the optimizer) are words that are read or written.
 */
export type WorkKind = "forward" | "backward" | "decode" | "update";

/** Amounts of work by kind. */
export type Work = Partial<Record<WorkKind, number>>;

/** The most seconds of a submission, as far as they are foreseen: a reset comes after some two, at the earliest. */
const BUDGET_SECONDS = 0.25;

/** Seconds for a unit on a device of which nothing is known: those of a slow one. */
const FIRST_RATES: Readonly<Record<WorkKind, number>> = {
  forward: 1e-10,
  backward: 1e-10,
  decode: 1e-10,
  update: 1e-9,
};

/** A fence alone takes 11 ms and more in Deno, so that a shorter time does not say how slow the device is. */
const LEAST_SECONDS = 0.05;
/** Clocks are no finer than this everywhere. */
const CLOCK_SECONDS = 0.001;

/** What is known about the speed of a device. */
export class Pace {
  /** The most seconds that a submission should take. */
  budget: number = BUDGET_SECONDS;
  readonly #now: () => number;
  readonly #rates: Record<WorkKind, number> = { ...FIRST_RATES };
  #work: Work = {};
  /** Whether a kernel was compiled since the last fence. */
  #compiled = false;
  /** When the first submission since the last fence began, or null. */
  #began: number | null = null;
  #lastEnd = 0;

  /** `now` is a clock of milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Seconds that the work is expected to take. */
  secondsOf(kind: WorkKind, amount: number): number {
    return this.#rates[kind] * amount;
  }

  /** Takes note of a submission, in which `work` is. */
  submitted(work: Work): void {
    this.#began ??= this.#now();
    addWork(this.#work, work);
  }

  /** Takes note of a kernel that was compiled, which takes time until the next fence that says nothing of later work. */
  compiled(): void {
    this.#compiled = true;
  }

  /**
   * Call it where a wait for all submitted work begins, and what it returns where the wait has ended: the rates then
   * follow from the work since the last fence and its time, which is never less than the device's.
   */
  fence(): () => void {
    const [work, began, compiled] = [this.#work, this.#began, this.#compiled];
    this.#work = {};
    this.#began = null;
    this.#compiled = false;
    return () => {
      const end = this.#now();
      if (began !== null) {
        const seconds = Math.max(CLOCK_SECONDS, (end - Math.max(began, this.#lastEnd)) / 1000);
        this.#learn(work, { seconds, isBound: compiled || seconds < LEAST_SECONDS });
      }
      this.#lastEnd = end;
    };
  }

  /** Learns from the time of some work, which may be no more than a bound. */
  #learn(work: Work, { seconds, isBound }: { seconds: number; isBound: boolean }): void {
    const kinds = (Object.entries(work) as [WorkKind, number][]).filter(([, amount]) => amount > 0);
    const foreseen = kinds.reduce((sum, [kind, amount]) => sum + this.secondsOf(kind, amount), 0);
    const slower = isBound ? 1 : Math.max(1, seconds / foreseen);
    // No kind has taken longer than all of them together.
    for (const [kind, amount] of kinds) {
      this.#rates[kind] = Math.min(slower * this.#rates[kind], seconds / amount);
    }
  }
}

/** Adds amounts of work to others. */
export function addWork(sum: Work, more: Work): void {
  for (const [kind, amount] of Object.entries(more) as [WorkKind, number][]) sum[kind] = (sum[kind] ?? 0) + amount;
}
