/** A transport over MPI, by whichever library is installed. @module */
import { UserError } from "../error.ts";
import { safeLine } from "../safe_text.ts";
import { JointError } from "./joint_error.ts";
import { type LaunchedAs, launchedAs } from "./launcher.ts";
import { checkCode, type MpiLibrary, mpiText, openMpiLibrary } from "./mpi_library.ts";
import { type AbortHooks, mpiWire } from "./mpi_wire.ts";
import { DEFAULT_TIMEOUT, openTransport, type TransportOptions } from "./pairwise_transport.ts";
import type { Transport } from "./transport.ts";

/** How to open MPI. */
export interface MpiOptions extends TransportOptions, AbortHooks {
  /** The library's file, an absolute path. */
  path: string;
  /** What the launcher says (default: the environment's). */
  launched?: LaunchedAs | null;
}

/** A process's place in an MPI job. */
export interface MpiRank {
  readonly transport: Transport;
  /** The library as it calls itself, in one line. */
  readonly library: string;
}

/**
 * Joins the job that this process was started for, by mpirun or its like; started by itself, it is a job of one. All ranks
 * have to. Throws a UserError where the library cannot be opened, grants no threads, is not the launcher's, or does not
 * start in time.
 */
export async function openMpi(
  { path, launched = launchedAs(), timeout = DEFAULT_TIMEOUT, ...hooks }: MpiOptions,
): Promise<MpiRank> {
  const library = openMpiLibrary(path);
  await initialize(library, timeout);
  const { functions, handles, table } = library;
  checkCode(library, "MPI_Comm_set_errhandler", functions.MPI_Comm_set_errhandler(handles.world, handles.errorsReturn));
  const wire = mpiWire(library, hooks);
  if (launched !== null && launched.size !== wire.size) {
    throw new JointError(
      `Cannot join the job: ${launched.variable} says ${launched.size} ranks, ${path} (${table.name}) finds ${wire.size}, expected the library that the launcher belongs to (DNPO_MPI names its file)`,
      launched.rank,
    );
  }
  const version = mpiText(functions.MPI_Get_library_version).split(/, |\n/)[0]!;
  return { transport: await openTransport(wire, { timeout }), library: safeLine(version) };
}

/** Calls come from several threads, one at a time; MPI_Abort may come while another one waits. */
async function initialize(library: MpiLibrary, timeout: number): Promise<void> {
  const { functions, table: { name, threads } } = library;
  const granted = new Int32Array(1);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => timer = setTimeout(() => resolve(null), 1000 * timeout));
  const code = await Promise.race([functions.MPI_Init_thread(null, null, threads.multiple, granted), late]);
  clearTimeout(timer);
  if (code === null) {
    throw new UserError(`Cannot join the job: MPI has not started within ${timeout} s, expected all ranks to begin`);
  }
  checkCode(library, "MPI_Init_thread", code);
  if (granted[0]! >= threads.serialized) return;
  throw new UserError(
    `Cannot join the job: ${library.path} (${name}) grants thread level ${
      granted[0]
    }, expected ${threads.serialized} or more (a library built with threads)`,
  );
}
