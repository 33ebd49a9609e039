/** A reader of W&B's run files for the tests, written apart from the writer. @module */
import { AssertionError } from "node:assert/strict";
import { fieldsOf, type ProtoField } from "./proto_fields.ts";

/** A record: its number, and its one part by the field's number. */
export interface WandbRecord {
  num: number;
  field: number;
  /** The part's fields, by number. */
  fields: ProtoField[];
}

/** All records of a file. Throws where header, padding, sum or order of chunks is wrong, or the file ends in one. */
export function readWandb(bytes: Uint8Array): WandbRecord[] {
  const check = (isRight: boolean, message: string): void => {
    if (!isRight) throw new AssertionError({ message });
  };
  check(new TextDecoder().decode(bytes.subarray(0, 4)) === ":W&B", "the header's name");
  check(bytes[4] === 0xe1 && bytes[5] === 0xbe && bytes[6] === 0, "the header's number and version");
  const records: WandbRecord[] = [];
  let parts: Uint8Array[] = [];
  for (let at = 7; at < bytes.length;) {
    const room = 32768 - at % 32768;
    if (room < 7) {
      check(bytes.subarray(at, at + room).every((byte) => byte === 0), "padding");
      at += room;
      continue;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset + at);
    const [sum, length, type] = [view.getUint32(0, true), view.getUint16(4, true), view.getUint8(6)];
    check(7 + length <= room && at + 7 + length <= bytes.length, "a chunk's length");
    check(crc32(bytes.subarray(at + 6, at + 7 + length)) === sum, "a chunk's sum");
    check(parts.length > 0 ? type === 3 || type === 4 : type === 1 || type === 2, "the order of chunks");
    parts.push(bytes.slice(at + 7, at + 7 + length));
    at += 7 + length;
    if (type === 2 || type === 3) continue;
    records.push(recordOf(Uint8Array.from(parts.flatMap((part) => [...part]))));
    parts = [];
  }
  check(parts.length === 0, "the last record's end");
  return records;
}

/** CRC-32 bit by bit. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc % 2n === 1n ? (crc / 2n) ^ 0xedb88320n : crc / 2n;
  }
  return Number(crc ^ 0xffffffffn);
}

function recordOf(bytes: Uint8Array): WandbRecord {
  const [[one, num], [field, part], ...rest] = fieldsOf(bytes) as [[number, bigint], [number, Uint8Array]];
  if (one !== 1 || (rest as unknown[]).length > 0) throw new AssertionError({ message: "a record's fields" });
  return { num: Number(num), field, fields: fieldsOf(part) };
}

/** The items of a history, a summary or a config: by key, the value that its JSON holds. */
export function itemsOf(fields: readonly ProtoField[], field = 1): Record<string, unknown> {
  const items = fields.filter(([number]) => number === field).map(([, item]) => {
    const parts = new Map(fieldsOf(item as Uint8Array));
    const text = (number: number): string => new TextDecoder().decode(parts.get(number) as Uint8Array);
    return [text(1), JSON.parse(text(16))];
  });
  return Object.fromEntries(items);
}
