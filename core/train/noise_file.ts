/** The file that keeps a noise generator: its SHA-256 stands in the header, and is checked where it is read again. @module */
import { checkValues } from "../checkpoint/save_folder.ts";
import { openSafetensorsAt } from "../checkpoint/stored_weights.ts";
import { writeSafetensors } from "../checkpoint/write_safetensors.ts";
import { encodeFloat32 } from "../dtype.ts";
import { UserError } from "../error.ts";
import { StreamDigest } from "../files/stream_digest.ts";
import type { ParameterBuffers } from "../model/parameter_buffers.ts";

/** The key of the values' SHA-256 in the header. */
const SUM = "dnpo_sha256";

/** Saves a generator's tensors as they are on the device. Throws a UserError if it cannot, or for a NaN or infinity. */
export async function saveNoise(path: string, noise: ParameterBuffers): Promise<void> {
  const places = [...noise.layout.places];
  const names = places.map(([name]) => name);
  // The digest stands before the values in the file, so that they are read twice.
  const digest = new StreamDigest();
  const first = noise.openReader(names);
  try {
    for (const _ of names) for await (const piece of first.next()) digest.update(encodeFloat32(piece, "F32"));
  } finally {
    await first.close();
  }
  const reader = noise.openReader(names);
  const entries = places.map(([name, { shape }]) => ({
    name,
    dtype: "F32" as const,
    shape,
    bytes: async function* () {
      for await (const piece of reader.next()) {
        checkValues(piece, { name: `noise ${name}`, dtype: "F32" });
        yield encodeFloat32(piece, "F32");
      }
    },
  }));
  try {
    await writeSafetensors(path, entries, { metadata: { [SUM]: digest.hex() } });
  } finally {
    await reader.close();
  }
}

/** Throws a UserError if the file of `noise.init` was saved by {@linkcode saveNoise} and is damaged. */
export async function checkNoiseFile(path: string): Promise<void> {
  const file = await openSafetensorsAt(path);
  const { [SUM]: expected } = file.metadata;
  if (expected === undefined) return;
  const digest = new StreamDigest();
  for (const name of file.tensors.keys()) {
    for await (const piece of file.streamFloat32(name)) digest.update(encodeFloat32(piece, "F32"));
  }
  const is = digest.hex();
  if (is === expected) return;
  throw new UserError(
    `Cannot load the noise from ${path}: its values have the SHA-256 ${is}, expected ${expected} as in its header; ` +
      "the file is damaged, expected one as optimize saved it (noise.init)",
  );
}
