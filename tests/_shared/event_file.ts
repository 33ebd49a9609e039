/** A reader of TensorBoard's event files for the tests, written apart from the writer. @module */
import { AssertionError } from "node:assert/strict";
import { fieldsOf } from "./proto_fields.ts";

/** A step that was read. */
export interface ReadEvent {
  wallTime: number;
  step: number;
  values: Record<string, number>;
}

/** All events of a file. Throws where a sum is wrong, a record is torn, or a field is unknown. */
export async function readEvents(path: string): Promise<{ version: string; events: ReadEvent[] }> {
  const bytes = await Deno.readFile(path);
  const view = new DataView(bytes.buffer);
  let version = "";
  const events: ReadEvent[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = Number(view.getBigUint64(at, true));
    checkSum(bytes.subarray(at, at + 8), view.getUint32(at + 8, true));
    const data = bytes.subarray(at + 12, at + 12 + length);
    checkSum(data, view.getUint32(at + 12 + length, true));
    at += 16 + length;
    const event: ReadEvent = { wallTime: 0, step: 0, values: {} };
    for (const [field, value] of fieldsOf(data)) {
      if (field === 1) event.wallTime = float(value as Uint8Array);
      else if (field === 2) event.step = Number(BigInt.asIntN(64, value as bigint));
      else if (field === 3) version = text(value);
      else if (field === 5) {
        for (const [, one] of fieldsOf(value as Uint8Array)) {
          const parts = new Map(fieldsOf(one as Uint8Array));
          event.values[text(parts.get(1)!)] = float(parts.get(2) as Uint8Array);
        }
      } else throw new AssertionError({ message: `event has a field ${field}` });
    }
    if (Object.keys(event.values).length > 0) events.push(event);
  }
  return { version, events };
}

/** CRC-32C bit by bit, and its mask. */
function checkSum(bytes: Uint8Array, expected: number): void {
  let crc = 0xffffffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc % 2n === 1n ? (crc / 2n) ^ 0x82f63b78n : crc / 2n;
  }
  crc ^= 0xffffffffn;
  const rotated = (crc >> 15n) | ((crc << 17n) % 2n ** 32n);
  const masked = Number((rotated + 0xa282ead8n) % 2n ** 32n);
  if (masked !== expected) throw new AssertionError({ message: `sum is ${expected}, expected ${masked}` });
}

function float(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return bytes.length === 8 ? view.getFloat64(0, true) : view.getFloat32(0, true);
}

function text(value: bigint | Uint8Array): string {
  return new TextDecoder().decode(value as Uint8Array);
}
