/** Repeats work that may succeed later. @module */

/** How often work is repeated, and with which pauses. */
export interface RetryOptions {
  /** The most repetitions. */
  maxRetries: number;
  /** Returns the pause after a failure, in milliseconds; undefined takes our own pause, null does not repeat. */
  pauseAfter: (error: unknown) => number | undefined | null;
  /** Ends a pause; the failure before it is then thrown. */
  signal: AbortSignal;
  /** Called with each failure that is followed by another attempt, and with the pause. */
  onRetry?: (error: unknown, milliseconds: number) => void;
  /** The first of our own pauses, in milliseconds (default 500); each further one is twice as long, up to a minute. */
  firstPause?: number;
}

const LONGEST_PAUSE = 60_000;

/** Runs `attempt` until it succeeds or may not be repeated. Throws what the last attempt threw. */
export async function withRetries<T>(
  attempt: (index: number) => Promise<T>,
  { maxRetries, pauseAfter, signal, onRetry, firstPause = 500 }: RetryOptions,
): Promise<T> {
  for (let index = 0;; index++) {
    try {
      return await attempt(index);
    } catch (error) {
      const asked = pauseAfter(error);
      if (asked === null || index >= maxRetries || signal.aborted) throw error;
      // The random factor keeps requests that failed together from coming back together.
      const own = Math.min(LONGEST_PAUSE, firstPause * 2 ** index) * (1 - 0.25 * Math.random());
      const pause = asked ?? own;
      onRetry?.(error, pause);
      await sleep(pause, signal);
      if (signal.aborted) throw error;
    }
  }
}

/** Waits for a time in milliseconds, or until the signal is aborted. */
function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
  });
}

/** The wait of a Retry-After header (seconds or a date), in milliseconds; undefined if there is none. */
export function retryAfter(headers: Headers | undefined, now: number = Date.now()): number | undefined {
  const exact = headers?.get("retry-after-ms")?.trim();
  if (exact !== undefined && /^\d+(\.\d+)?$/.test(exact)) return Number(exact);
  const value = headers?.get("retry-after")?.trim();
  if (value === undefined || value === "") return undefined;
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1000;
  // Date.parse accepts too much; HTTP's dates begin with the day of the week.
  const date = /^[A-Za-z]{3}/.test(value) ? Date.parse(value) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
