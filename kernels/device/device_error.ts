/** Errors of the GPU layer. @module */

/** What the user can do: ask for less memory, resume after a loss of the device, or what the message says. */
export type DeviceErrorKind = "memory" | "lost" | "other";

/** A failure of the GPU, such as a missing adapter, a broken shader or a lost device. Its message is one line. */
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
