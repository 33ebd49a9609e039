/** Errors that all ranks of a job meet alike. @module */
import { UserError } from "../error.ts";

/** A user's mistake that each rank sees: the first tells it, the others end without a word. */
export class JointError extends UserError {
  /** Whether this rank is the one that tells. */
  readonly tells: boolean;

  /** Takes the line, and the number of the rank that has met it. */
  constructor(message: string | readonly string[], rank: number) {
    super(message);
    this.tells = rank === 0;
  }
}
