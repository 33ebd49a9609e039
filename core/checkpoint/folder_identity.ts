/** Tells one model's files from another's without reading all of them. @module */
import { sha256 } from "../files/digest.ts";
import type { ModelFolder } from "./model_folder.ts";

const SAMPLES = 64;
const SAMPLE_BYTES = 4096;

/**
 * A hash of the config and, for each weights file, of its size, its time of modification and bytes at places spread
 * over it. It changes if the model is trained or replaced, but not if its folder is moved. Throws a UserError if a file
 * cannot be read.
 */
export async function folderIdentity({ config, weights }: Pick<ModelFolder, "config" | "weights">): Promise<string> {
  const parts: (string | Uint8Array<ArrayBuffer>)[] = [JSON.stringify(config.raw)];
  const names = new Set([...weights.tensors.values()].map((tensor) => tensor.file));
  for (const name of [...names].sort()) {
    const { size, modified } = (await weights.files.stat(name)) ?? { size: 0, modified: null };
    parts.push(`${size} ${modified ?? undefined}`);
    for (let i = 0; i < SAMPLES; i++) {
      const start = Math.floor(Math.max(0, size - SAMPLE_BYTES) * i / (SAMPLES - 1));
      parts.push(await weights.files.read(name, { start, length: Math.min(SAMPLE_BYTES, size) }));
    }
  }
  return (await sha256(...parts)).slice(0, 32);
}
