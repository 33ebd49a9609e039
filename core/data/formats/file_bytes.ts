/** Reads the bytes of a data file; gzip is unpacked. @module */
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { UserError } from "../../error.ts";
import { ioProblem } from "./data_problems.ts";

const CHUNK_BYTES = 1 << 18;

/**
 * Limits of unpacking: FREE_BYTES, and MAX_RATIO times the packed size. Text packs to about a tenth, so what unpacks to
 * more is not data.
 */
const MAX_RATIO = 200;
const FREE_BYTES = 1 << 24;

/** Reads a file piece by piece; gzip is recognized by its first bytes. Throws a UserError if it cannot be read. */
export async function* readBytes(path: string): AsyncGenerator<Uint8Array> {
  let packed = false;
  try {
    const pieces = readFile(path);
    const { value: first, done } = await pieces.next();
    if (done) return;
    packed = first.length > 2 && first[0] === 0x1f && first[1] === 0x8b && first[2] === 8;
    const all = prepend(first, pieces);
    if (packed) yield* unpack(all, (await Deno.stat(path)).size);
    else yield* all;
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`Cannot read ${path}: ${error.message}`);
    throw new UserError(`Cannot read ${path}: ${packed ? "not valid gzip: " : ""}${ioProblem(error)}`);
  }
}

/** The first bytes of a file, unpacked: at most `length`. */
export async function firstBytes(path: string, length: number): Promise<Uint8Array> {
  for await (const piece of readBytes(path)) return piece.slice(0, length);
  return new Uint8Array();
}

async function* readFile(path: string): AsyncGenerator<Uint8Array> {
  using file = await Deno.open(path);
  for (;;) {
    const buffer = new Uint8Array(CHUNK_BYTES);
    const count = await file.read(buffer);
    if (count === null) return;
    yield buffer.subarray(0, count);
  }
}

async function* prepend<T>(first: T, rest: AsyncGenerator<T>): AsyncGenerator<T> {
  try {
    yield first;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}

async function* unpack(packed: AsyncGenerator<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  // If the source fails, pipeline() destroys the stream that is read below, and that throws the error.
  pipeline(Readable.from(packed), gunzip, () => {});
  let bytes = 0;
  for await (const piece of gunzip as AsyncIterable<Uint8Array>) {
    bytes += piece.length;
    if (bytes > FREE_BYTES + MAX_RATIO * size) {
      throw new UserError(`its ${size} bytes of gzip unpack to more than ${bytes - piece.length}, expected text`);
    }
    yield piece;
  }
}
