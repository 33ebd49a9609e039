/** Pipelines that are built together, before the work that uses them. @module */
import { Commands } from "./commands.ts";
import { askedPipelines, buildPipeline, hasPipeline } from "./kernel.ts";
import { Rehearsal } from "./rehearsal.ts";

/** Nothing is said of building that takes less time. */
const QUIET_MS = 1000;
/** How long others wait for their turn, where pipelines are built on this thread. */
const TURN_MS = 50;

/**
 * Builds the pipelines that `work` asks for and the device does not have, all together. `work` records a part of what will
 * be recorded, on commands of a device that computes nothing and reads as zero; it may read buffers of the real device, and
 * allocates its own from `commands.device`. Where it leaves out some, or one is refused, that one is built at its first use.
 *
 * After a second on the clock `now`, of milliseconds, the device's `onBuilding` is told how far it is, and in the end that it is done.
 */
export async function compileAhead(
  { device }: Commands,
  work: (commands: Commands) => void | Promise<void>,
  { now = () => performance.now() }: { now?: () => number } = {},
): Promise<void> {
  // Who rehearses needs no pipelines.
  if (device instanceof Rehearsal) return;
  const rehearsal = new Rehearsal(device);
  {
    using commands = new Commands(rehearsal);
    await work(commands);
  }
  const missing = askedPipelines(rehearsal).filter((asked) => !hasPipeline(device, asked));
  const started = now();
  let [done, isTold, turn] = [0, false, started];
  const tell = (): void => {
    done++;
    if (now() - started < QUIET_MS && !isTold) return;
    isTold = true;
    device.onBuilding?.(done, missing.length);
  };
  const building: Promise<void>[] = [];
  for (const asked of missing) {
    building.push(buildPipeline(device, asked).then(tell));
    // Dawn builds on threads of its own; wgpu has built the pipeline by now, and kept this thread from all else.
    if (now() - turn < TURN_MS) continue;
    await new Promise((resolve) => setTimeout(resolve));
    turn = now();
  }
  await Promise.all(building);
}
