/** Errors a user can mend: printed as one line, never with a stack trace. @module */

/**
 * A mistake in the user's config, data, model folder or machine. The message states the action that failed, what is
 * and what should be, in one line.
 */
export class UserError extends Error {
  override readonly name = "UserError";
}
