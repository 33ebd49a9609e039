/** Numbers as the bytes that are sent. @module */

/** The bytes of numbers, not copied. */
export function bytesOf<Buffer extends ArrayBufferLike>(
  { buffer, byteOffset, byteLength }: { buffer: Buffer; byteOffset: number; byteLength: number },
): Uint8Array<Buffer> {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
