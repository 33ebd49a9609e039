/** Errors of the GPU layer. @module */

/** No adapter, a shader that does not compile, a lost device, memory that cannot be had: one line, for the user. */
export class DeviceError extends Error {
  override readonly name = "DeviceError";
}
