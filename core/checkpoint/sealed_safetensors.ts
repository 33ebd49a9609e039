/** Safetensors files that end with the SHA-256 of all bytes before it. @module */
import { UserError } from "../error.ts";
import { replaceFileAtomic } from "../files/atomic.ts";
import { fileSize } from "../files/io.ts";
import { oneFile } from "../files/model_files.ts";
import { digestFile, StreamDigest } from "../files/stream_digest.ts";
import { safetensorsBytes, type TensorEntry } from "./write_safetensors.ts";

/** The name of the last tensor, whose bytes are the SHA-256. */
export const SEAL = "sha256";

const SEAL_BYTES = 32;

/**
 * As `writeSafetensors`, for F32 tensors, with a last tensor {@linkcode SEAL} of 8 words. The digest is a part of the
 * file, so that no process that is killed leaves one without the other.
 */
export async function writeSealed(
  path: string,
  entries: readonly TensorEntry[],
  options: { metadata?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  const digest = new StreamDigest();
  let isSealed = false;
  const seal: TensorEntry = {
    name: SEAL,
    dtype: "F32",
    shape: [SEAL_BYTES / 4],
    // It is asked for once all that comes before has been taken in.
    bytes: () => {
      isSealed = true;
      return Promise.resolve(digest.bytes());
    },
  };
  await replaceFileAtomic(path, async (write) => {
    for await (const piece of safetensorsBytes([...entries, seal], options)) {
      if (!isSealed) digest.update(piece);
      await write(piece);
    }
  });
}

/** What the bytes of the file at `path` hash to, and what its end says, in hexadecimal. Throws a UserError. */
export async function readSeal(path: string): Promise<{ is: string; expected: string }> {
  const size = await fileSize(path);
  if (size < SEAL_BYTES) throw new UserError(`Cannot read ${path}: it has ${size} bytes, expected a safetensors file`);
  const { files, file } = oneFile(path);
  const start = size - SEAL_BYTES;
  const end = await files.read(file, { start, length: SEAL_BYTES });
  return { is: await digestFile(files, file, start), expected: end.toHex() };
}
