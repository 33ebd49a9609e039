/** The work of another rank than the first. @module */
import { nextTask } from "../cluster/crew.ts";
import type { Transport } from "../cluster/transport.ts";
import type { ResolvedConfig } from "../config/config_types.ts";
import { meetWithDevice, type OpenTask } from "../run/meet_crew.ts";
import { type RunContext, type RunHooks, withDevice } from "../run/run_context.ts";
import type { OptimizeTask } from "../train/optimize_crew.ts";
import { serveOptimize } from "./serve_optimize.ts";

/** Does what the first rank tells, until it has no more tasks. Throws UserError or DeviceError. */
export async function serveRank(transport: Transport, config: ResolvedConfig, hooks: RunHooks = {}): Promise<void> {
  const first = await nextTask(transport);
  if (first === null) return;
  const { kernels, trains } = first as unknown as OpenTask;
  await withDevice(config, { needs: [], trains, kernels, hooks }, async (context) => {
    await meetWithDevice(transport, context.device);
    await serveTasks(transport, context);
  });
}

async function serveTasks(transport: Transport, context: RunContext): Promise<void> {
  for (let task = await nextTask(transport); task !== null; task = await nextTask(transport)) {
    if (task.task === "optimize") await serveOptimize(context, transport, task as unknown as OptimizeTask);
    else throw new TypeError(`Cannot serve the task "${task.task}": this rank does not know it`);
  }
}
