/** The resume state of an optimize stage: one file, whole or absent. @module */
import { dirname } from "node:path";
import type { Device, Slice } from "../../kernels/device/device.ts";
import { exists } from "../checkpoint/io.ts";
import { readSafetensorsHeader } from "../checkpoint/safetensors.ts";
import { openSafetensors } from "../checkpoint/weights.ts";
import { writeSafetensors } from "../checkpoint/write.ts";
import { UserError } from "../error.ts";

/** Device buffers by name, in the order they are written. */
export type StateBuffers = Readonly<Record<string, Slice>>;

const KEY = "dnpo_state";

/** Writes the buffers' bytes and `record` (JSON) to `path`. One fence. */
export async function saveState(
  path: string,
  { device, buffers, record }: { device: Device; buffers: StateBuffers; record: unknown },
): Promise<void> {
  const names = Object.keys(buffers);
  const bytes = await device.readAll(names.map((name) => buffers[name]!));
  await Deno.mkdir(dirname(path), { recursive: true });
  const entries = names.map((name, i) => ({
    name,
    // Raw words: control buffers hold integers too.
    dtype: "F32" as const,
    shape: [bytes[i]!.byteLength / 4],
    bytes: () => Promise.resolve(new Uint8Array(bytes[i]!)),
  }));
  await writeSafetensors(path, entries, { metadata: { [KEY]: JSON.stringify(record) } });
}

/** The record of the state at `path`, or null where there is none. Throws a UserError for a file that is no state. */
export async function readStateRecord(path: string): Promise<unknown> {
  if (!await exists(path)) return null;
  const text = (await readSafetensorsHeader(path)).metadata[KEY];
  if (text === undefined) {
    throw new UserError(
      `Cannot resume from ${path}: its header has no "${KEY}", expected a state that this program saved`,
    );
  }
  return JSON.parse(text);
}

/** Uploads the buffers of the state at `path`. Throws a UserError where they do not fit. */
export async function loadState(
  path: string,
  { device, buffers }: { device: Device; buffers: StateBuffers },
): Promise<void> {
  const file = await openSafetensors(path);
  for (const [name, slice] of Object.entries(buffers)) {
    const size = file.tensors.get(name)?.byteLength;
    if (size !== slice.size) {
      throw new UserError(
        `Cannot resume from ${path}: "${name}" is ${
          size ?? 0
        } bytes, expected ${slice.size}; the model or the settings have changed (delete the file to start this iteration again)`,
      );
    }
    device.write(slice, await file.readBytes(name));
  }
}
