/** SHA-256 of bytes that come in pieces, so that a file of any size is hashed as it is written or read. @module */
import { createHash, type Hash } from "node:crypto";
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

/** The SHA-256 of a text as UTF-8, in hexadecimal. */
export function digestText(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/**
 * The SHA-256 of a file's bytes (default: all of them) in hexadecimal. Throws a UserError if they cannot be read.
 */
export async function digestFile(files: ModelFiles, file: string, length?: number): Promise<string> {
  const digest = new StreamDigest();
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
    digest.update(piece);
  }
  return digest.hex();
}
