/** What kernels move through memory, against what they need. @module */
import type { Device } from "../../kernels/device/device.ts";
import { type Access, CountingCommands } from "./counting_commands.ts";
import { type Make, type TrafficCall, trafficCalls } from "./traffic_calls.ts";

/** Bytes of one kernel in one call. */
export interface Traffic {
  /** The kernel, and what sets the call apart. */
  readonly name: string;
  /** Each operand read once, each result written once. */
  readonly needed: number;
  /** What was loaded and stored; of small operands no more than is needed. */
  readonly moved: number;
  /** What was loaded and stored, of all. */
  readonly accessed: number;
}

/** Operands of up to this share of what a kernel needs stay in a cache, however often they are read. */
const SMALL_SHARE = 1 / 32;

/** Products have tiles of their own, and tests of these. */
const EXCEPT = /^matmul/;

/** Runs every call once, its kernels counting, on this device. */
export async function measureTraffic(device: Device): Promise<Traffic[]> {
  using commands = new CountingCommands(device, { except: EXCEPT });
  const found = new Map<string, Traffic>();
  for (const call of trafficCalls()) {
    for (const traffic of await trafficOf(commands, call)) {
      // The last stage of several operations is the same kernel.
      if (!found.has(traffic.name)) found.set(traffic.name, traffic);
    }
  }
  return [...found.values()].toSorted((a, b) => a.name.localeCompare(b.name, "en"));
}

/** The kernels of one call. */
export async function trafficOf(commands: CountingCommands, call: TrafficCall): Promise<Traffic[]> {
  const { device } = commands;
  const slices: ReturnType<Make>[] = [];
  call.record(commands, (content) => {
    const slice = device.upload(typeof content === "number" ? new Float32Array(content) : content, "traffic");
    slices.push(slice);
    return slice;
  });
  const counted = await commands.counted();
  for (const slice of slices) device.free(slice);
  return counted.map(({ kernel, accesses }) => ({
    name: [kernel, call.variant].filter(Boolean).join(", "),
    ...sumOf(kernel, accesses, call),
  }));
}

function sumOf(kernel: string, accesses: readonly Access[], call: TrafficCall): Omit<Traffic, "name"> {
  const each = accesses.map((access) => {
    const [read, written] = call.bytes?.[`${kernel.split(" ")[0]}.${access.binding}`] ?? call.bytes?.[access.binding] ??
      wholeOf(access, call);
    const { loadedBytes, storedBytes } = access;
    return { needed: read + written, accessed: loadedBytes + storedBytes };
  });
  const needed = each.reduce((sum, bytes) => sum + bytes.needed, 0);
  const moved = each.map((bytes) =>
    bytes.needed <= needed * SMALL_SHARE ? Math.min(bytes.needed, bytes.accessed) : bytes.accessed
  );
  return {
    needed,
    moved: moved.reduce((sum, bytes) => sum + bytes, 0),
    accessed: each.reduce((sum, bytes) => sum + bytes.accessed, 0),
  };
}

function wholeOf({ binding, isWritable, slice }: Access, { updated }: TrafficCall): [read: number, written: number] {
  if (!isWritable) return [slice.size, 0];
  return [updated?.includes(binding) ? slice.size : 0, slice.size];
}
