import { deepEqual, equal, rejects } from "node:assert/strict";
import { sha256 } from "../../../core/files/digest.ts";
import { memoryFiles, type ModelFiles } from "../../../core/files/model_files.ts";
import { digestFile, digestText, StreamDigest } from "../../../core/files/stream_digest.ts";

const MIB = 2 ** 20;

Deno.test("digestFile() hashes files of any size in pieces of at most 4 MiB, and a part of one", async () => {
  for (const size of [0, 1, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1, 9 * MIB]) {
    const bytes = Uint8Array.from({ length: size }, (_, i) => i * 7 + (i >> 13));
    const asked: number[] = [];
    const files = memoryFiles({ file: bytes });
    const watched: ModelFiles = {
      ...files,
      read: (name, range) => {
        asked.push(range!.length);
        return files.read(name, range);
      },
    };
    equal(await digestFile(watched, "file"), await sha256(bytes), `${size}`);
    equal(Math.max(...asked) <= 4 * MIB, true, asked.join());
    equal(await digestFile(files, "file", size >> 1), await sha256(bytes.subarray(0, size >> 1)), `half of ${size}`);
  }
  await rejects(digestFile(memoryFiles({ file: "ab" }), "file", 3), /^UserError: Cannot read memory\/file: it ended/);
});

Deno.test("StreamDigest and digestText() give SHA-256, whatever the pieces", async () => {
  const text = "Grüße, 𝒟!\n";
  equal(digestText(text), await sha256(text));
  const bytes = new TextEncoder().encode(text);
  const digest = new StreamDigest();
  for (let i = 0; i < bytes.length; i += 3) digest.update(bytes.subarray(i, i + 3));
  equal(digest.hex(), await sha256(text));
  deepEqual(new StreamDigest().bytes().toHex(), await sha256());
});
