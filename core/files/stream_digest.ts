/** SHA-256 and CRC-32 of bytes that come in pieces, so that files of any size are hashed as they are written or read. @module */
import { createHash, type Hash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { ModelFiles } from "./model_files.ts";

const READ_BYTES = 4 * 2 ** 20;

/** A SHA-256 that grows by pieces. */
export class StreamDigest {
  readonly #hash: Hash = createHash("sha256");

  /** Takes in the next piece. */
  update(piece: Uint8Array): void {
    this.#hash.update(piece);
  }

  /** The 32 bytes; nothing can be taken in any more. */
  bytes(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#hash.digest());
  }

  /** As {@linkcode bytes}, in hexadecimal. */
  hex(): string {
    return this.bytes().toHex();
  }
}

/** A CRC-32 that grows by pieces: it tells damage, not one file from another, and costs next to nothing. */
export class StreamCrc {
  #crc = 0;

  /** Takes in the next piece. */
  update(piece: Uint8Array): void {
    this.#crc = crc32(piece, this.#crc);
  }

  /** The 4 bytes, little-endian. */
  bytes(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, this.#crc, true);
    return bytes;
  }
}

/** The SHA-256 of a text as UTF-8, in hexadecimal. */
export function digestText(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** The SHA-256 of a file's bytes in hexadecimal. Throws a UserError if they cannot be read. */
export async function digestFile(files: ModelFiles, file: string): Promise<string> {
  const digest = new StreamDigest();
  for await (const piece of piecesOf(files, file)) digest.update(piece);
  return digest.hex();
}

/** The CRC-32 of a file's first `length` bytes, as {@linkcode StreamCrc} gives it. Throws a UserError as digestFile(). */
export async function crcOfFile(files: ModelFiles, file: string, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const crc = new StreamCrc();
  for await (const piece of piecesOf(files, file, length)) crc.update(piece);
  return crc.bytes();
}

async function* piecesOf(files: ModelFiles, file: string, length?: number): AsyncGenerator<Uint8Array> {
  const end = length ?? (await files.stat(file))?.size ?? 0;
  const readAt = (start: number): Promise<Uint8Array> | null =>
    start < end ? files.read(file, { start, length: Math.min(READ_BYTES, end - start) }) : null;
  // The next piece is read while one is hashed.
  let next = readAt(0);
  for (let start = 0; next !== null; start += READ_BYTES) {
    const piece = await next;
    next = readAt(start + READ_BYTES);
    // Until the next turn awaits it, an error must not count as unhandled.
    next?.catch(() => {});
    yield piece;
  }
}
