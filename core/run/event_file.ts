/**
 * TensorBoard's event files: records of (length, masked CRC-32C of it, an Event message, masked CRC-32C of that), as
 * TensorFlow's record_writer and event.proto define them.
 *
 * @module
 */
import { dirname } from "node:path";
import { makeFolder, writeAll, writeFileAtomic } from "../files/atomic.ts";
import { explainIoError } from "../files/io.ts";
import { ProtoMessage } from "./proto_message.ts";

/** Scalars of a step. */
export interface ScalarEvent {
  /** Seconds since 1970. */
  wallTime: number;
  step: number;
  /** By tag. Values are stored as float32. */
  values: Readonly<Record<string, number>>;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** CRC-32C (Castagnoli) of the bytes, masked (rotated and offset) as record files require it. */
export function maskedCrc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

function record(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(message.length + 16);
  const view = new DataView(out.buffer);
  view.setBigUint64(0, BigInt(message.length), true);
  view.setUint32(8, maskedCrc32c(out.subarray(0, 8)), true);
  out.set(message, 12);
  view.setUint32(12 + message.length, maskedCrc32c(message), true);
  return out;
}

/** The record of a step's scalars. */
function encodeScalars({ wallTime, step, values }: ScalarEvent): Uint8Array<ArrayBuffer> {
  const summary = new ProtoMessage();
  for (const [tag, value] of Object.entries(values)) {
    summary.bytes(1, new ProtoMessage().text(1, tag).fixed(2, value, 4).end());
  }
  return record(new ProtoMessage().fixed(1, wallTime, 8).int(2, step).bytes(5, summary.end()).end());
}

/** The first record of a file. */
function encodeVersion(wallTime: number): Uint8Array<ArrayBuffer> {
  return record(new ProtoMessage().fixed(1, wallTime, 8).text(3, "brain.Event:2").end());
}

/** The whole records of a file, up to the first that is torn or whose checksum is wrong. */
function wholeRecords(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: Uint8Array[] = [];
  for (let at = 0; at + 16 <= bytes.length;) {
    const length = Number(view.getBigUint64(at, true));
    const end = at + 16 + length;
    if (maskedCrc32c(bytes.subarray(at, at + 8)) !== view.getUint32(at + 8, true) || end > bytes.length) break;
    if (maskedCrc32c(bytes.subarray(at + 12, end - 4)) !== view.getUint32(end - 4, true)) break;
    records.push(bytes.subarray(at, end));
    at = end;
  }
  return records;
}

/** Step and tags of a record that {@linkcode encodeScalars} wrote. */
function readScalars(record: Uint8Array): { step: number; tags: string[] } {
  const found = { step: 0, tags: [] as string[] };
  const visit = (bytes: Uint8Array, on: (field: number, value: Uint8Array | bigint) => void): void => {
    for (let at = 0; at < bytes.length;) {
      const varint = (): bigint => {
        let value = 0n;
        for (let shift = 0n;; shift += 7n) {
          const byte = bytes[at++]!;
          value |= BigInt(byte & 127) << shift;
          if (byte < 128) return value;
        }
      };
      const key = Number(varint());
      const kind = key & 7;
      if (kind === 0) on(key >> 3, varint());
      else {
        const length = kind === 2 ? Number(varint()) : kind === 1 ? 8 : 4;
        on(key >> 3, bytes.subarray(at, at += length));
      }
    }
  };
  visit(record.subarray(12, -4), (field, value) => {
    if (field === 2) found.step = Number(BigInt.asIntN(64, value as bigint));
    if (field !== 5) return;
    visit(value as Uint8Array, (_, scalar) =>
      visit(scalar as Uint8Array, (inner, text) => {
        if (inner === 1) found.tags.push(new TextDecoder().decode(text as Uint8Array));
      }));
  });
  return found;
}

/** An append-only event file. */
export class EventFile {
  readonly #path: string;
  readonly #written: { step: number; tags: string[] }[];

  private constructor(path: string, written: { step: number; tags: string[] }[]) {
    this.#path = path;
    this.#written = written;
  }

  /** Opens the file for appending; drops a torn last record and the steps that `keep` refuses. Throws a UserError. */
  static async open(
    path: string,
    keep: (event: { step: number; tags: readonly string[] }) => boolean,
  ): Promise<EventFile> {
    const bytes = await Deno.readFile(path).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return new Uint8Array();
      throw explainIoError(error, `Cannot read ${path}`);
    });
    const [version = encodeVersion(Date.now() / 1000), ...scalars] = wholeRecords(bytes);
    const events = scalars.map((record) => ({ record, ...readScalars(record) })).filter(keep);
    const kept = [version, ...events.map(({ record }) => record)];
    const length = kept.reduce((sum, record) => sum + record.length, 0);
    if (length !== bytes.length) {
      await makeFolder(dirname(path));
      const out = new Uint8Array(length);
      let at = 0;
      for (const record of kept) {
        out.set(record, at);
        at += record.length;
      }
      await writeFileAtomic(path, out);
    }
    return new EventFile(path, events.map(({ step, tags }) => ({ step, tags })));
  }

  /** Whether a step has a value of this tag. */
  has(step: number, tag: string): boolean {
    return this.#written.some((event) => event.step === step && event.tags.includes(tag));
  }

  /** Appends a step's scalars. Throws a UserError if the file cannot be written. */
  async append(step: number, values: Readonly<Record<string, number>>): Promise<void> {
    try {
      using file = await Deno.open(this.#path, { append: true, create: true });
      await writeAll(file, encodeScalars({ wallTime: Date.now() / 1000, step, values }));
    } catch (error) {
      throw explainIoError(error, `Cannot write ${this.#path}`);
    }
    this.#written.push({ step, tags: Object.keys(values) });
  }
}
