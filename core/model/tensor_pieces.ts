/** Reads ahead while tensors are loaded. @module */

/** Yields what `source` yields, but requests each value before it yields the one before: files are read meanwhile. */
export async function* ahead<T>(source: AsyncGenerator<T>): AsyncGenerator<T> {
  try {
    let next = source.next();
    while (true) {
      const { value, done } = await next;
      if (done) return;
      next = source.next();
      // Until the next turn awaits it, an error must not count as unhandled.
      next.catch(() => {});
      yield value;
    }
  } finally {
    await source.return(undefined);
  }
}
