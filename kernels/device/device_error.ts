/** Errors of the GPU layer. @module */

/** What the user can do: ask for less memory, resume after a loss of the device, or what the message says. */
export type DeviceErrorKind = "memory" | "lost" | "other";

/**
 * A failure of the GPU, such as a missing adapter, a broken shader or a lost device. Its message is one line.
 *
 * @example
 * ```ts
 * import { DeviceError, memoryFiles, openDevice, openModel } from "@dnpo/dnpo/engine";
 * import assert from "node:assert/strict";
 *
 * const error = new DeviceError("The GPU device was lost: it is gone", "lost");
 * // What went wrong: the device is out of memory, is lost, or something else.
 * assert.equal(error.kind, "lost");
 * ```
 */
export class DeviceError extends Error {
  /** Always "DeviceError". */
  override readonly name = "DeviceError";
  /** What went wrong. */
  readonly kind: DeviceErrorKind;

  /** Takes the message, one line, and the kind (default "other"). */
  constructor(message: string, kind: DeviceErrorKind = "other") {
    super(message);
    this.kind = kind;
  }
}

/** A driver's message in one line. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
