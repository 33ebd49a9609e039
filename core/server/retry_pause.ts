/** Repeating what may succeed later. @module */

/** How often and how long a request is repeated. */
export interface RetryOptions {
  /** Repetitions at most. */
  maxRetries: number;
  /** Milliseconds to wait that the server asks for after this failure; undefined: our own pause; null: do not repeat. */
  pauseAfter: (error: unknown) => number | undefined | null;
  /** Ends the waiting, with the failure that is waited after. */
  signal: AbortSignal;
  /** Told of each failure that is followed by another attempt. */
  onRetry?: (error: unknown, milliseconds: number) => void;
  /** First of our own pauses in milliseconds; each is twice the one before (default 500). */
  firstPause?: number;
}

const LONGEST_PAUSE = 60_000;

/** Runs `attempt` until it succeeds. Throws what the last attempt threw. */
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
      // A little chance, so that requests that failed together do not come back together.
      const own = Math.min(LONGEST_PAUSE, firstPause * 2 ** index) * (1 - 0.25 * Math.random());
      const pause = asked ?? own;
      onRetry?.(error, pause);
      await sleep(pause, signal);
      if (signal.aborted) throw error;
    }
  }
}

/** Waits so many milliseconds, or until the signal. */
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

/** Milliseconds of a Retry-After header, a number of seconds or a date; undefined where there is none. */
export function retryAfter(headers: Headers | undefined, now: number = Date.now()): number | undefined {
  const exact = headers?.get("retry-after-ms")?.trim();
  if (exact !== undefined && /^\d+(\.\d+)?$/.test(exact)) return Number(exact);
  const value = headers?.get("retry-after")?.trim();
  if (value === undefined || value === "") return undefined;
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1000;
  // JavaScript takes a lot for dates; HTTP's begin with the day of the week.
  const date = /^[A-Za-z]{3}/.test(value) ? Date.parse(value) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
