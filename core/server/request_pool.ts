/** Runs work on several items at a time. @module */

/**
 * Runs `work` on each item, up to `concurrency` at a time, and starts the items in order. After a failure, or once the
 * signal is aborted, it starts no more; it waits for those under way, because a request that is sent is paid for, and
 * then throws the first failure. `work` gets a signal that is aborted when another item fails or the work is to stop.
 */
export async function runPool<T>(
  items: readonly T[],
  { concurrency, signal }: { concurrency: number; signal: AbortSignal },
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  let failure: { error: unknown } | undefined;
  let next = 0;
  const runOne = async (): Promise<void> => {
    while (next < items.length && !either.aborted) {
      try {
        await work(items[next++]!, either);
      } catch (error) {
        failure ??= { error };
        failed.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, runOne));
  if (failure) throw failure.error;
}

/**
 * As {@linkcode runPool}, but yields results as they come. If the caller stops reading, no more items are started. A
 * failure is thrown after the results that came before it.
 */
export async function* streamPool<T, R>(
  items: readonly T[],
  { concurrency, signal }: { concurrency: number; signal: AbortSignal },
  work: (item: T, signal: AbortSignal) => Promise<R>,
): AsyncGenerator<R> {
  const ready: R[] = [];
  let wake = (): void => {};
  let ended = false;
  const left = new AbortController();
  const all = runPool(items, { concurrency, signal: AbortSignal.any([signal, left.signal]) }, async (item, stop) => {
    ready.push(await work(item, stop));
    wake();
  }).finally(() => {
    ended = true;
    wake();
  });
  // It is awaited below, perhaps only after it has failed; until then the failure must not count as unhandled.
  all.catch(() => {});
  try {
    while (!ended || ready.length > 0) {
      if (ready.length > 0) yield ready.shift()!;
      else await new Promise<void>((resolve) => wake = resolve);
    }
    await all;
  } finally {
    left.abort();
    await all.catch(() => {});
  }
}
