/** Numbers of rows that each rank has a part of. @module */
import type { Device } from "../../kernels/device/device.ts";
import type { Slice } from "../../kernels/device/slice.ts";
import type { Transport } from "../cluster/transport.ts";

/** Fills what is 0 in `sums`, f32 of any length, with what other ranks have there. All ranks have to call it. */
export async function shareSums(device: Device, transport: Transport, sums: Slice): Promise<void> {
  const [own] = await device.readAll([sums]);
  const { size, part } = transport;
  const all = new Uint8Array(size * sums.size);
  all.set(new Uint8Array(own!), part * sums.size);
  await transport.allGather(all, Array.from({ length: size + 1 }, (_, i) => i * sums.size));
  const rows = new Float32Array(all.buffer);
  const count = sums.size / 4;
  const shared = Float32Array.from({ length: count }, (_, i) => {
    for (let at = i; at < rows.length; at += count) if (rows[at] !== 0) return rows[at]!;
    return 0;
  });
  device.write(sums, shared);
}
