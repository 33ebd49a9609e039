/** Errors of the GPU layer. @module */

/** What a user may do about it: ask for less memory, go on after a loss, or something that the message says. */
export type DeviceErrorKind = "memory" | "lost" | "other";

/** No adapter, a shader that does not compile, a lost device, memory that cannot be had: one line, for the user. */
export class DeviceError extends Error {
  override readonly name = "DeviceError";
  readonly kind: DeviceErrorKind;

  constructor(message: string, kind: DeviceErrorKind = "other") {
    super(message);
    this.kind = kind;
  }
}

/** A driver's message in one line. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
