/** Notes of a run from before its journal is open. @module */

/** Hands notes on to the caller of a run, until there is a journal that does; finished work has none. */
export class NoteRelay implements Disposable {
  /** What the caller was told. */
  readonly told: string[] = [];
  #to: (line: string) => void;
  /** Notes that wait; null if they are handed on as they come. */
  #held: string[] | null = null;

  /** A relay to the caller's `onNote`. */
  constructor(onNote: (line: string) => void = () => {}) {
    this.#to = (line) => {
      this.told.push(line);
      onNote(line);
    };
  }

  /** Takes a note. */
  readonly onNote = (line: string): void => {
    if (this.#held === null) this.#to(line);
    else this.#held.push(line);
  };

  /** Notes wait from now on. */
  hold(): void {
    this.#held ??= [];
  }

  /** Hands on what waits, and what comes from now on as it comes. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const line of held) this.#to(line);
  }

  /** Hands on what waits, where the work ends before it has begun. */
  [Symbol.dispose](): void {
    this.release();
  }

  /** Later notes go to `onNote`. */
  handTo(onNote: (line: string) => void): void {
    this.#to = onNote;
  }
}
