/** Errors that end work in an orderly way: a user can mend them, or has asked for them. @module */

/**
 * A mistake in the user's config, data, model folder or machine. The message states the action that failed, what is
 * and what should be, in one line.
 *
 * @example
 * ```ts
 * import { memoryFiles, openDevice, openModel, UserError } from "@dnpo/dnpo/engine";
 * import assert from "node:assert/strict";
 *
 * using device = await openDevice();
 * // The message is one line that says what is, and what should be.
 * await assert.rejects(openModel(device, memoryFiles({ "config.json": "[]" })), UserError);
 * ```
 */
export class UserError extends Error {
  override readonly name = "UserError";

  /** Control characters of a file's text become spaces: they would rewrite the terminal. Only lines' ends stay. */
  constructor(message: string) {
    // deno-lint-ignore no-control-regex
    super(message.replace(/[\x00-\x09\x0b-\x1f\x7f-\x9f]+/g, " "));
  }
}

/**
 * Thrown by work that was stopped by its signal; what is done is saved.
 *
 * @example
 * ```ts
 * import { loadConfig, StoppedError, train } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * const set = [`output_dir=${await Deno.makeTempDir()}`];
 * const config = await loadConfig("examples/quickstart/config.yaml", { set });
 * // What was done until then stays, and the same call goes on from there.
 * await assert.rejects(train(config, { signal: AbortSignal.abort() }), StoppedError);
 * ```
 */
export class StoppedError extends Error {
  override readonly name = "StoppedError";
}

/** Waits for `work`; a UserError of it gets `advice` behind its message. */
export async function withAdvice<T>(work: Promise<T>, advice: string): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof UserError ? new UserError(`${error.message}; ${advice}`) : error;
  }
}
