/** Waits for a folder no longer than it may take: one that is mounted from a machine out of reach never answers. @module */

/** Milliseconds after which a folder counts as silent. */
export const DEADLINE_MS = 10_000;

/** Thrown where a folder has not answered in time. */
export class SilentFolder extends Error {
  override readonly name = "SilentFolder";
}

/** What the work gives, if it ends within so many milliseconds. Throws SilentFolder otherwise; the work goes on unseen. */
export async function inTime<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new SilentFolder("The folder has not answered")), milliseconds);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
    // An error that comes later has nobody to go to.
    work.catch(() => {});
  }
}
