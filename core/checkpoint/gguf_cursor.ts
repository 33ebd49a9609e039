/** Reads the values of a GGUF file one by one, and checks what each claims against what is left of it. @module */
import { UserError } from "../error.ts";
import { quote } from "../values.ts";

/** A value of the metadata. */
export type GgufField = number | boolean | string | readonly GgufField[];

/** Thrown where more bytes of the file are needed. */
export class ShortRead extends Error {}

/** Far above any real header: a vocabulary and its merges have some 10 MiB. */
export const MOST_HEADER_BYTES = 2 ** 28;
const LONGEST_NAME = 64 * 1024;

/** A place in the first `bytes` of a file. What it reads throws a UserError, or ShortRead where `bytes` end. */
export class GgufCursor {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #of: { path: string; fileSize: number };
  readonly #view: DataView;
  // A byte order mark is a token like others.
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  #at = 0;

  /** Begins at the first byte. */
  constructor(bytes: Uint8Array<ArrayBuffer>, of: { path: string; fileSize: number }) {
    this.#bytes = bytes;
    this.#of = of;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes that were read. */
  get at(): number {
    return this.#at;
  }

  /** An error about the file. */
  refuse(problem: string): UserError {
    return new UserError(`Cannot read ${this.#of.path}: ${problem}`);
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  /** A number of 64 bits as a float64; what that cannot hold is far above all that is expected. */
  u64(): number {
    return Number(this.#view.getBigUint64(this.#advance(8), true));
  }

  /** A number of things that take `least` bytes each, checked against what is left of the file. */
  count(what: string, least: number): number {
    const count = this.u64();
    const most = Math.floor((Math.min(this.#of.fileSize, MOST_HEADER_BYTES) - this.#at) / least);
    if (count <= most) return count;
    throw this.refuse(`it claims ${count} ${what}, expected at most ${most} in ${this.#of.fileSize} bytes`);
  }

  /** The name of a key or a tensor. */
  name(what: string): string {
    return this.text(what, LONGEST_NAME);
  }

  /** A text. `what` is what it belongs to. */
  text(what: string, mostBytes: number = Infinity): string {
    const length = this.count(`bytes of ${what}`, 1);
    if (length > mostBytes) {
      throw this.refuse(`it claims ${length} bytes of ${what}, expected at most ${mostBytes}`);
    }
    const at = this.#advance(length);
    try {
      return this.#decoder.decode(this.#bytes.subarray(at, at + length));
    } catch {
      throw this.refuse(`the text of ${what} at byte ${at} is not UTF-8`);
    }
  }

  /** The type of a value and the value. */
  field(key: string): GgufField {
    return this.#value(this.u32(), quote(key), 0);
  }

  #value(type: number, key: string, depth: number): GgufField {
    const view = this.#view;
    switch (type) {
      case 0:
        return view.getUint8(this.#advance(1));
      case 1:
        return view.getInt8(this.#advance(1));
      case 2:
        return view.getUint16(this.#advance(2), true);
      case 3:
        return view.getInt16(this.#advance(2), true);
      case 4:
        return this.u32();
      case 5:
        return view.getInt32(this.#advance(4), true);
      case 6:
        return view.getFloat32(this.#advance(4), true);
      case 7:
        return view.getUint8(this.#advance(1)) !== 0;
      case 8:
        return this.text(key);
      case 9:
        return this.#list(key, depth);
      case 10:
        return this.u64();
      case 11:
        return Number(view.getBigInt64(this.#advance(8), true));
      case 12:
        return view.getFloat64(this.#advance(8), true);
      default:
        throw this.refuse(`${key} is of type ${type}, expected 0 to 12`);
    }
  }

  #list(key: string, depth: number): GgufField[] {
    if (depth > 1) throw this.refuse(`${key} nests deeper than 2, expected lists`);
    const inner = this.u32();
    const length = this.count(`values of ${key}`, 1);
    const values: GgufField[] = [];
    for (let i = 0; i < length; i++) values.push(this.#value(inner, key, depth + 1));
    return values;
  }

  #advance(count: number): number {
    const at = this.#at;
    if (at + count > this.#bytes.length) throw new ShortRead();
    this.#at += count;
    return at;
  }
}
