/** `dnpo optimize`. @module */
import { runOptimize } from "../../core/loop/single_stages.ts";
import type { RunOptions } from "../options.ts";
import { sayText } from "../print.ts";
import { madeLines } from "./_made_lines.ts";
import { runWithConfig } from "./_run_with_config.ts";

/** Trains the model on a file of pairs. */
export function optimize(options: RunOptions): Promise<number> {
  return runWithConfig(options, async ({ config, hooks, progress }) => {
    const { last } = await runOptimize(config, hooks);
    progress.finish();
    sayText(...madeLines(config, last));
  }, { rows: ({ pairs }) => pairs });
}
