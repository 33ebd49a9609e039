/** What can be bound to a kernel. @module */
import type { Device } from "./device.ts";
import { DeviceError } from "./device_error.ts";

/** Throws DeviceError, before any work is done, if a buffer is larger than the device can bind to a kernel. */
export function checkBinding(
  { limits }: Pick<Device, "limits">,
  { bytes, label }: { bytes: number; label: string },
): void {
  const most = limits.maxStorageBufferBindingSize;
  if (bytes <= most) return;
  throw new DeviceError(
    `Cannot use a buffer "${label}": size is ${bytes} bytes, the device's largest binding is ${most}`,
    "memory",
  );
}
