/** The wire that MPI gives. @module */
import { checkCode, type MpiLibrary, mpiText } from "./mpi_library.ts";
import { safeLine } from "../safe_text.ts";
import { AbortedError, type Wire } from "./wire.ts";

/** The only tag: a pair of ranks has one exchange at a time, and MPI keeps the order. */
const TAG = 0;

/** Bytes of room for a status; the longest, Open MPI's, has 24. */
const STATUS_BYTES = 64;

/**
 * Milliseconds between what is told and MPI_Abort: a launcher that ends a job at once forgets what it has not passed on.
 * Without them MPICH 4.0's lost one line in sixteen on a busy machine.
 */
const TELL_MS = 500;

/** Milliseconds that MPI_Abort may take to end this process. */
const ABORT_MS = 5000;

/** What a process that MPI leaves alive after MPI_Abort does. */
export interface AbortHooks {
  /** Tells the user why, in one line. */
  tell: (line: string) => void;
  /** Ends this process. */
  exit: (code: number) => never;
}

/** The wire of an initialized library. */
export function mpiWire(library: MpiLibrary, { tell, exit }: AbortHooks): Wire {
  const { functions, handles: { world, byte } } = library;
  const rank = numberOf(library, "MPI_Comm_rank");
  const size = numberOf(library, "MPI_Comm_size");
  const status = new Uint8Array(STATUS_BYTES);
  let aborting: Promise<never> | null = null;
  const checkRank = (other: number): void => {
    // MPICH 4.0 ends the process by a fault of memory where it is given what it does not expect.
    if (Number.isInteger(other) && other >= 0 && other < size) return;
    throw new RangeError(`Cannot exchange with rank ${other}, expected one of ${size}`);
  };
  const checkCount = (expected: number): void => {
    const count = new Int32Array(1);
    checkCode(library, "MPI_Get_count", functions.MPI_Get_count(status, byte, count));
    if (count[0] !== expected) throw new Error(`${count[0]} bytes came, expected ${expected}`);
  };
  return {
    rank,
    size,
    host: safeLine(mpiText(functions.MPI_Get_processor_name)) || "an unnamed host",
    exchange: async (to, sent, from, received) => {
      for (const other of [to, from]) if (other !== null) checkRank(other);
      const out = [sent, sent.length, byte, to ?? 0, TAG] as const;
      const into = [received, received.length, byte, from ?? 0, TAG] as const;
      if (to !== null && from !== null) {
        checkCode(library, "MPI_Sendrecv", await functions.MPI_Sendrecv(...out, ...into, world, status));
      } else if (to !== null) checkCode(library, "MPI_Send", await functions.MPI_Send(...out, world));
      else if (from !== null) checkCode(library, "MPI_Recv", await functions.MPI_Recv(...into, world, status));
      if (from !== null) checkCount(received.length);
    },
    abort: (code, why) => aborting ??= abort(code, why),
    close: async () => checkCode(library, "MPI_Finalize", await functions.MPI_Finalize()),
  };

  /** MPI_Abort ends this process too, unless another thread is in MPI and does not let it in. */
  async function abort(code: number, why: string): Promise<never> {
    tell(why);
    await new Promise((resolve) => setTimeout(resolve, TELL_MS));
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, ABORT_MS));
    await Promise.race([functions.MPI_Abort(world, code), late]).catch(() => {});
    clearTimeout(timer);
    exit(code);
    throw new AbortedError(why);
  }
}

function numberOf(library: MpiLibrary, name: "MPI_Comm_rank" | "MPI_Comm_size"): number {
  const number = new Int32Array(1);
  checkCode(library, name, library.functions[name](library.handles.world, number));
  return number[0]!;
}
