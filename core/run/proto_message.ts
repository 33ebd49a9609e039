/** Writes messages of protocol buffers. @module */

/** Writes the fields of a message in wire format, in the order of the calls. */
export class ProtoMessage {
  readonly #bytes: number[] = [];

  #varint(value: bigint): void {
    let left = BigInt.asUintN(64, value);
    for (; left > 127n; left >>= 7n) this.#bytes.push(Number(left & 127n) | 128);
    this.#bytes.push(Number(left));
  }

  /** An int32, int64 or bool. */
  int(field: number, value: number): this {
    this.#varint(BigInt(field << 3));
    this.#varint(BigInt(value));
    return this;
  }

  /** A float (4 bytes) or a double (8). */
  fixed(field: number, value: number, bytes: 4 | 8): this {
    const view = new DataView(new ArrayBuffer(bytes));
    if (bytes === 4) view.setFloat32(0, value, true);
    else view.setFloat64(0, value, true);
    this.#varint(BigInt(field << 3 | (bytes === 4 ? 5 : 1)));
    this.#bytes.push(...new Uint8Array(view.buffer));
    return this;
  }

  /** Bytes, or a message. */
  bytes(field: number, value: Uint8Array | ProtoMessage): this {
    const bytes = value instanceof ProtoMessage ? value.#bytes : value;
    this.#varint(BigInt(field << 3 | 2));
    this.#varint(BigInt(bytes.length));
    for (const byte of bytes) this.#bytes.push(byte);
    return this;
  }

  /** A string. */
  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  /** The message's bytes. */
  end(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#bytes);
  }
}
