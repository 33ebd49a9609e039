/** What moves bytes between two processes of a job; everything else of a transport stands on it. @module */

/** One process's end of a job's connections. It does one exchange at a time. */
export interface Wire {
  /** Number of this process, from 0. */
  readonly rank: number;
  /** How many processes the job has. */
  readonly size: number;
  /** Name of the machine that this process is on. */
  readonly host: string;
  /**
   * Sends `sent` to rank `to` and fills `received` from rank `from`, at the same time; null leaves that direction out.
   * Throws where fewer or more bytes come than `received` takes.
   */
  exchange(to: number | null, sent: Uint8Array, from: number | null, received: Uint8Array): Promise<void>;
  /** Ends the whole job with this exit code, all ranks. Throws AbortedError where the process outlives that. */
  abort(code: number, why: string): Promise<never>;
  /** Leaves the job in an orderly way; all ranks have to. */
  close(): Promise<void>;
}

/** Thrown by what waits in a job that was ended. */
export class AbortedError extends Error {
  /** Always "AbortedError". */
  override readonly name = "AbortedError";
}

/** Most bytes of one exchange: MPI counts them in 32 bits, and what is received for a sum waits in memory. */
export const CHUNK_BYTES = 16 * 1024 * 1024;
