/** What ranks tell each other of their devices. @module */
import denoConfig from "../../deno.json" with { type: "json" };
import type { Device } from "../../kernels/device/device.ts";
import type { Crew } from "../cluster/crew.ts";
import { meet, type Meeting, type RankCard } from "../cluster/meet.ts";
import type { Transport } from "../cluster/transport.ts";
import { type KernelRecord, kernelsOf } from "../device/run_device.ts";
import { versions } from "../device/versions.ts";
import { WARNING } from "../progress.ts";

/** What the other ranks are told before there is work for a device. */
export interface OpenTask {
  readonly task: "open";
  /** The kernels that the first rank has. */
  readonly kernels: KernelRecord;
  /** Whether something will be trained. */
  readonly trains: boolean;
}

/**
 * Lets the other ranks open their devices, and tells what a user should know of them. Throws a JointError where a rank's
 * device would cut its memory in another way.
 */
export async function meetCrew(
  crew: Crew,
  { device, trains, onNote }: { device: Device; trains: boolean; onNote: (line: string) => void },
): Promise<void> {
  const task: OpenTask = { task: "open", kernels: kernelsOf(device), trains };
  const { ranks, warnings } = await crew.together({ ...task }, () => meetWithDevice(crew.transport, device));
  crew.devices = ranks.map((rank) => rank.device!);
  for (const warning of warnings) onNote(`${WARNING}${warning}`);
}

/** Tells all ranks of this one's device; all have to call it. */
export async function meetWithDevice(transport: Transport, device: Device): Promise<Meeting> {
  const { info, limits } = device;
  const card: RankCard = {
    adapter: info.description || info.device || "unnamed",
    device: device.name,
    memory: null,
    version: denoConfig.version,
    digests: {
      // Parameters lie in buffers as large as the device allows; parts of them are exchanged.
      "sizes of buffers and bindings": `${limits.maxBufferSize} and ${limits.maxStorageBufferBindingSize} bytes`,
      "family of kernels": device.tuning?.family ?? device.family,
      // It has the compiler of the kernels: what ranks with two of them computed could not be computed again.
      "version of Deno": versions().deno,
    },
  };
  return await meet(transport, card);
}
