/** The resume state of an optimize stage: one file, whole or absent. @module */
import { dirname } from "node:path";
import type { Device, Slice } from "../../kernels/device/device.ts";
import { makeFolder } from "../checkpoint/atomic.ts";
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
  await makeFolder(dirname(path));
  const entries = names.map((name, i) => ({
    name,
    // Raw words: control buffers hold integers too.
    dtype: "F32" as const,
    shape: [bytes[i]!.byteLength / 4],
    bytes: () => Promise.resolve(new Uint8Array(bytes[i]!)),
  }));
  await writeSafetensors(path, entries, { metadata: { [KEY]: JSON.stringify(record) } });
}

/** What to do about a state that is of no use. */
export const START_AGAIN = "delete the file to start this iteration again";

/** The record of the state at `path`, or null where there is none. Throws a UserError for a file that is no state. */
export async function readStateRecord(path: string): Promise<unknown> {
  if (!await exists(path)) return null;
  try {
    return JSON.parse((await readSafetensorsHeader(path)).metadata[KEY] ?? "");
  } catch (error) {
    const reason = error instanceof UserError
      ? error.message
      : `Cannot resume from ${path}: its header has no "${KEY}", expected a state that this program saved`;
    throw new UserError(`${reason}; ${START_AGAIN}`);
  }
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
        } bytes, expected ${slice.size}; the model has changed (${START_AGAIN})`,
      );
    }
    device.write(slice, await file.readBytes(name));
  }
}
