/**
 * W&B's run files: LevelDB's log format (blocks of 32 KiB, each record in one or more chunks of CRC-32, length and type)
 * behind a header of seven bytes, with the plain CRC-32 of zlib in place of LevelDB's masked CRC-32C.
 *
 * @module
 */
import { crc32 } from "node:zlib";

const BLOCK = 32 * 1024;
const CHUNK_HEADER = 7;
/** A chunk that is a whole record, or a record's first, middle and last one. */
const [FULL, FIRST, MIDDLE, LAST] = [1, 2, 3, 4];

/** The file's first bytes: `:W&B`, the magic number 0xBEE1, version 0. */
export const RUN_FILE_HEADER: Uint8Array<ArrayBuffer> = Uint8Array.of(0x3a, 0x57, 0x26, 0x42, 0xe1, 0xbe, 0);

/** The bytes of a record that begins where the file has `size` bytes, with the padding before it. */
export function frameRecord(data: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  let at = size;
  const push = (part: Uint8Array): void => {
    parts.push(part);
    at += part.length;
  };
  let left = data;
  for (let isFirst = true; isFirst || left.length > 0; isFirst = false) {
    const room = BLOCK - at % BLOCK;
    if (room < CHUNK_HEADER) push(new Uint8Array(room));
    const most = BLOCK - at % BLOCK - CHUNK_HEADER;
    const part = left.subarray(0, most);
    left = left.subarray(part.length);
    const isLast = left.length === 0;
    push(chunk(part, isFirst ? isLast ? FULL! : FIRST! : isLast ? LAST! : MIDDLE!));
  }
  const out = new Uint8Array(at - size);
  let to = 0;
  for (const part of parts) {
    out.set(part, to);
    to += part.length;
  }
  return out;
}

function chunk(data: Uint8Array, type: number): Uint8Array {
  const out = new Uint8Array(CHUNK_HEADER + data.length);
  out[6] = type;
  out.set(data, CHUNK_HEADER);
  const view = new DataView(out.buffer);
  view.setUint32(0, crc32(out.subarray(6)), true);
  view.setUint16(4, data.length, true);
  return out;
}
