import { deepEqual } from "node:assert/strict";
import { ProtoMessage } from "../../../../core/run/proto_message.ts";
import { frameRecord, RUN_FILE_HEADER } from "../../../../core/run/trackers/wandb_framing.ts";
import { readWandb } from "../../../_shared/wandb_file.ts";

/** A record whose part is a text of so many letters. */
function record(num: number, letters: number): Uint8Array {
  return new ProtoMessage().int(1, num).bytes(2, new ProtoMessage().text(1, "a".repeat(letters))).end();
}

Deno.test("frameRecord() gives W&B's bytes", () => {
  // The sum is zlib.crc32(bytes([1, 8, 1])) of Python.
  deepEqual([...frameRecord(Uint8Array.of(8, 1), 7)], [0xbb, 0x09, 0x5d, 0x41, 2, 0, 1, 8, 1]);
  deepEqual([...RUN_FILE_HEADER], [...new TextEncoder().encode(":W&B"), 0xe1, 0xbe, 0]);
});

Deno.test("records of all sizes about the borders of blocks are read back", () => {
  // Of the first record, the size that just fills the first block is among them.
  for (let first = 32_768 - 36; first < 32_768 - 16; first++) {
    const sizes = [first, 30, first % 10 === 0 ? 70_000 : 1, 12];
    const parts: Uint8Array[] = [RUN_FILE_HEADER];
    let at = RUN_FILE_HEADER.length;
    for (const [i, size] of sizes.entries()) {
      const part = frameRecord(record(i + 1, size), at);
      parts.push(part);
      at += part.length;
    }
    const bytes = new Uint8Array(at);
    let to = 0;
    for (const part of parts) {
      bytes.set(part, to);
      to += part.length;
    }
    const read = readWandb(bytes).map(({ num, fields }) => [num, (fields[0]![1] as Uint8Array).length]);
    deepEqual(read, sizes.map((size, i) => [i + 1, size]));
  }
});
