/** `dnpo label`. @module */
import { runLabel } from "../../core/loop/stages.ts";
import type { RunOptions } from "../options.ts";
import { runWithConfig } from "./_run.ts";

/** Judges responses into pairs. */
export function label(options: RunOptions): Promise<number> {
  return runWithConfig(options, async ({ config, hooks, progress }) => {
    const { path, report } = await runLabel(config, hooks);
    progress.finish();
    const { pairs, generatedChosen, ties, identical } = report;
    const share = (100 * generatedChosen).toFixed(1);
    console.log(`Pairs: ${path} (${pairs}; generated chosen ${share} %, ${ties} ties, ${identical} identical dropped)`);
  });
}
