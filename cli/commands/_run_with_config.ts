/** What the commands with a config share: reading it, progress, notes, and stopping. @module */
import { loadConfig, type ResolvedConfig } from "../../core/config/config.ts";
import { StoppedError } from "../../core/error.ts";
import type { RowsRead, RunHooks } from "../../core/run/run_context.ts";
import { openingLine, secondsLeft } from "../opening_line.ts";
import type { RunOptions } from "../options.ts";
import { tell } from "../print.ts";
import { Progress } from "../progress_line.ts";

/** What a command's work gets. */
export interface CommandRun {
  config: ResolvedConfig;
  hooks: RunHooks;
  progress: Progress;
}

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/** Two signals within this many milliseconds are one key press, passed on twice by a task runner. */
const SAME_PRESS_MS = 250;

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
  const controller = new AbortController();
  let stoppedBy: keyof typeof SIGNALS | undefined;
  let stoppedAt = 0;
  const listeners = (Object.keys(SIGNALS) as (keyof typeof SIGNALS)[]).filter((name) =>
    Deno.build.os !== "windows" || name === "SIGINT"
  ).map((name) => {
    const listener = (): void => {
      if (stoppedBy !== undefined && performance.now() - stoppedAt > SAME_PRESS_MS) Deno.exit(SIGNALS[name]);
      if (stoppedBy !== undefined) return;
      [stoppedBy, stoppedAt] = [name, performance.now()];
      progress.note("Stopping after the current step; press Ctrl-C again to stop at once");
      controller.abort();
    };
    Deno.addSignalListener(name, listener);
    return { name, listener };
  });
  try {
    const read: RowsRead[] = [];
    const seconds = isWhole && !options.force ? await secondsLeft(config.output_dir, iterations) : null;
    const known = { isWhole, read, seconds, ...(rows && { rows: rows(config) }) };
    const hooks: RunHooks = {
      onRows: (set) => read.push(set),
      onDevice: (device) => progress.note(openingLine(config, { device, ...known })),
      onProgress: (event) => progress.update(event),
      onNote: (line) => progress.note(line),
      signal: controller.signal,
      allowVerifier: options.verifier,
      force: options.force,
    };
    await work({ config, hooks, progress });
    progress.finish();
    return 0;
  } catch (error) {
    progress.finish();
    if (!(error instanceof StoppedError)) throw error;
    tell(`Stopped. What was done is saved in ${config.output_dir}, and the same command goes on from there.`);
    // The run's page can stop it too.
    return SIGNALS[stoppedBy ?? "SIGINT"];
  } finally {
    for (const { name, listener } of listeners) Deno.removeSignalListener(name, listener);
  }
}
