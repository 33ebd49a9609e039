/** Reads bytes forwards. @module */
import { UserError } from "../../error.ts";

/** Reads bytes forwards, never beyond the end. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The number of bytes that are left. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** The next bytes. Throws a UserError if there are not so many. */
  take(count: number): Uint8Array {
    if (count > this.left) {
      throw new UserError(`${count} bytes are missing, expected them before byte ${this.#bytes.length}`);
    }
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  /** The next byte. */
  u8(): number {
    return this.take(1)[0]!;
  }

  /** The next four bytes as an integer. */
  u32(): number {
    const bytes = this.take(4);
    return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  }

  /** An integer of up to 64 bits. Beyond 2⁵³ it loses its last digits; such sizes are refused anyway. */
  varint(): number {
    let [value, scale] = [0, 1];
    for (let i = 0; i < 10; i++) {
      const byte = this.u8();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
    throw new UserError("a number of its metadata has no end");
  }
}
