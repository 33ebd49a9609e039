/** A question of our own as it is written down. @module */

/** Two turns, and where an answer is right or wrong the right ones. */
export interface OwnQuestion {
  readonly turns: readonly [string, string];
  readonly references?: readonly [string, string];
}
