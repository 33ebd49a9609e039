/** `dnpo sft`. @module */
import { runSft } from "../../core/loop/single_stages.ts";
import type { RunOptions } from "../options.ts";
import { sayText } from "../print.ts";
import { madeLines } from "./_made_lines.ts";
import { runWithConfig } from "./_run_with_config.ts";

/** Fine-tunes on human responses. */
export function sft(options: RunOptions): Promise<number> {
  return runWithConfig(options, async ({ config, hooks, progress }) => {
    const { last } = await runSft(config, hooks);
    progress.finish();
    sayText(...madeLines(config, last));
  });
}
