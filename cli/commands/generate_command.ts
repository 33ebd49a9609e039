/** `dnpo generate`. @module */
import { runGenerate } from "../../core/loop/single_stages.ts";
import type { RunOptions } from "../options.ts";
import { sayText } from "../print.ts";
import { runWithConfig } from "./_run_with_config.ts";

/** Samples a response to every prompt. */
export function generate(options: RunOptions): Promise<number> {
  return runWithConfig(options, async ({ config, hooks, progress }) => {
    const path = await runGenerate(config, hooks);
    progress.finish();
    sayText(`Responses: ${path}`);
  });
}
