/** Telling one model's files from another's without reading all of them. @module */
import { createHash } from "node:crypto";
import { explainIoError } from "../files/io.ts";
import type { ModelFolder } from "./model_folder.ts";
import { readExactly } from "./safetensors_header.ts";

const SAMPLES = 64;
const SAMPLE_BYTES = 4096;

/**
 * A hash of the config, and of size, time of modification and bytes at places spread over each weights file: another
 * one where a model was trained or replaced, the same where its folder was only moved. Throws a UserError where a file
 * cannot be read.
 */
export async function folderIdentity({ config, weights }: ModelFolder): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify(config.raw));
  const files = new Set([...weights.tensors.values()].map((tensor) => tensor.file));
  for (const path of [...files].sort()) {
    try {
      using file = await Deno.open(path);
      const { size, mtime } = await file.stat();
      hash.update(`${size} ${mtime?.getTime()}`);
      for (let i = 0; i < SAMPLES; i++) {
        const start = Math.floor(Math.max(0, size - SAMPLE_BYTES) * i / (SAMPLES - 1));
        await file.seek(start, Deno.SeekMode.Start);
        hash.update(await readExactly(file, { path, length: Math.min(SAMPLE_BYTES, size) }));
      }
    } catch (error) {
      throw explainIoError(error, `Cannot read ${path}`);
    }
  }
  return hash.digest("hex").slice(0, 32);
}
