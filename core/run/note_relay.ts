/** Notes of a run from before its journal is open. @module */

/** Hands notes on to the caller of a run, until there is a journal that does; finished work has none. */
export class NoteRelay {
  /** What the caller was told. */
  readonly told: string[] = [];
  #to: (line: string) => void;

  /** A relay to the caller's `onNote`. */
  constructor(onNote: (line: string) => void = () => {}) {
    this.#to = (line) => {
      this.told.push(line);
      onNote(line);
    };
  }

  /** Takes a note. */
  readonly onNote = (line: string): void => this.#to(line);

  /** Later notes go to `onNote`. */
  handTo(onNote: (line: string) => void): void {
    this.#to = onNote;
  }
}
