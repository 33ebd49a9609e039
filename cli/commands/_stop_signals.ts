/** Stopping work by Ctrl-C or SIGTERM: the first lets it save, the second ends it at once. @module */
import { StoppedError } from "../../core/error.ts";
import { tell } from "../print.ts";
import type { Progress } from "../progress_line.ts";

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/** Two signals within this many milliseconds are one key press, passed on twice by a task runner. */
const SAME_PRESS_MS = 250;

/**
 * Runs `work`, whose signal a first Ctrl-C or SIGTERM aborts, and returns the exit code: 0, or 130 or 143 if it was
 * stopped, after `saved` was told. A second press ends the program at once.
 */
export async function untilStopped(
  progress: Progress,
  work: (signal: AbortSignal) => Promise<void>,
  { saved, step = "step" }: { saved: string; step?: string },
): Promise<number> {
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
      progress.note(`Stopping after the current ${step}; press Ctrl-C again to stop at once`);
      controller.abort();
    };
    Deno.addSignalListener(name, listener);
    return { name, listener };
  });
  try {
    await work(controller.signal);
    progress.finish();
    return 0;
  } catch (error) {
    progress.finish();
    if (!(error instanceof StoppedError)) throw error;
    tell(saved);
    // The run's page can stop it too.
    return SIGNALS[stoppedBy ?? "SIGINT"];
  } finally {
    for (const { name, listener } of listeners) Deno.removeSignalListener(name, listener);
  }
}
