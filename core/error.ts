/** Errors that end work in an orderly way: the user can fix the cause, or has asked to stop. @module */
import { maskCredentials, printable } from "./safe_text.ts";

/**
 * A problem that the user can fix, in the config, the data, a model folder or the machine. The message says in one line
 * which action failed, what is there and what should be.
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
  /** Always "UserError". */
  override readonly name = "UserError";

  /** Hides passwords in addresses, and replaces characters that could rewrite the terminal by spaces; newlines stay. */
  constructor(message: string) {
    super(maskCredentials(printable(message)));
  }
}

/**
 * Thrown by work whose signal stopped it; what was done until then is saved.
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
  /** Always "StoppedError". */
  override readonly name = "StoppedError";
}

/** Waits for `work`. If it throws a UserError, `advice` is appended to the message. */
export async function withAdvice<T>(work: Promise<T>, advice: string): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof UserError ? new UserError(`${error.message}; ${advice}`) : error;
  }
}
