/** Buffers that a recorder keeps from call to call: one of each name, as large as its largest call asked for. @module */
import { checkBinding } from "./binding.ts";
import type { Commands } from "./commands.ts";
import type { Slice } from "./slice.ts";

const scratches = new WeakMap<Commands, Map<string, Slice>>();

/**
 * The recorder's buffer of this name, of at least `bytes`; its contents are those of the last call. A larger one replaces
 * it, after what is recorded was submitted. All are freed when the recorder is released. Throws DeviceError if the device
 * cannot hold or bind it.
 */
export function scratchBuffer(commands: Commands, { name, bytes }: { name: string; bytes: number }): Slice {
  const { device } = commands;
  let buffers = scratches.get(commands);
  if (!buffers) {
    const made = buffers = new Map<string, Slice>();
    scratches.set(commands, made);
    commands.onRelease(() => {
      for (const buffer of made.values()) device.free(buffer);
      scratches.delete(commands);
    });
  }
  const known = buffers.get(name);
  if (known && known.size >= bytes) return known;
  checkBinding(device, { bytes, label: name });
  if (known) {
    commands.submit();
    device.free(known);
  }
  const buffer = device.alloc(bytes, name);
  buffers.set(name, buffer);
  return buffer;
}
