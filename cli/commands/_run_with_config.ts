/** What the commands with a config share: reading it, progress, notes, and stopping. @module */
import { loadConfig, type ResolvedConfig } from "../../core/config/config.ts";
import type { RowsRead, RunHooks } from "../../core/run/run_context.ts";
import { openingLine, secondsLeft } from "../opening_line.ts";
import type { RunOptions } from "../options.ts";
import { Progress } from "../progress_line.ts";
import { launchedAlone } from "./_launched_alone.ts";
import { untilStopped } from "./_stop_signals.ts";

/** What a command's work gets. */
export interface CommandRun {
  config: ResolvedConfig;
  hooks: RunHooks;
  progress: Progress;
}

/**
 * Runs `work` with the config of a command; a first Ctrl-C or SIGTERM lets it finish the step, save and exit with 130
 * or 143; a second one exits at once. `isWhole` says that it runs all iterations of the config, and `rows` what it reads
 * instead of the config's data.
 */
export async function runWithConfig(
  options: RunOptions,
  work: (run: CommandRun) => Promise<void>,
  { isWhole = false, rows }: { isWhole?: boolean; rows?: (config: ResolvedConfig) => string | undefined } = {},
): Promise<number> {
  const config = await loadConfig(options.config, { set: options.set });
  const { iterations } = config;
  const progress = new Progress({ quiet: options.quiet, ...(isWhole && { iterations }) });
  if (!options.crew) { for (const line of launchedAlone()) progress.note(line); }
  const stopped = `Stopped. What was done is saved in ${config.output_dir}, and the same command goes on from there.`;
  return await untilStopped(progress, async (signal) => {
    const read: RowsRead[] = [];
    const seconds = isWhole && !options.force ? await secondsLeft(config.output_dir, iterations) : null;
    const known = { isWhole, read, seconds, ...(rows && { rows: rows(config) }) };
    const hooks: RunHooks = {
      onRows: (set) => read.push(set),
      onDevice: (device) => progress.note(openingLine(config, { device, ...known })),
      onProgress: (event) => progress.update(event),
      onNote: (line) => progress.note(line),
      signal,
      allowVerifier: options.verifier,
      force: options.force,
      ...(options.crew && { crew: options.crew }),
    };
    await work({ config, hooks, progress });
  }, { saved: stopped });
}
