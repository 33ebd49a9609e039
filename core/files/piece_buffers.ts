/** Memory that the pieces of a file take turns in. @module */

/**
 * Two buffers, for reading a piece while the one before is in use. Memory that is touched for the first time costs more
 * than everything else that is done with a piece.
 */
export class PieceBuffers {
  readonly #leastBytes: number;
  #buffers: [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>] = [new Uint8Array(), new Uint8Array()];

  /** With `leastBytes`, the length of most pieces, buffers are not made anew because the first pieces were small. */
  constructor(leastBytes: number) {
    this.#leastBytes = leastBytes;
  }

  /** A buffer of `length` bytes, whatever they are; valid until the call after the next. */
  next(length: number): Uint8Array<ArrayBuffer> {
    const [buffer, other] = this.#buffers;
    const turn = buffer.length < length ? new Uint8Array(Math.max(length, this.#leastBytes)) : buffer;
    this.#buffers = [other, turn];
    return turn.subarray(0, length);
  }
}
