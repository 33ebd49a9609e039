/**
 * What the kinds of MPI libraries call their constants: names are the same in all, what they stand for is not. Three kinds
 * cover what is installed anywhere: Open MPI, MPICH and its kin (Intel MPI, Cray MPICH, MVAPICH: one ABI since 2014), and
 * the standard's own ABI, of MPI 5.
 *
 * Sources: mpi.h of Open MPI 4.1.4, MPICH 4.0.2 and MPICH 5.0.2 (mpi_abi.h). @module
 */

/** A kind of library, told by its symbols. */
export interface MpiTable {
  readonly name: "Open MPI" | "MPICH" | "MPI ABI";
  /** How handles (communicators, types, error handlers) are passed. */
  readonly handle: "pointer" | "i32" | "usize";
  /** Handles as numbers, or as the names of the objects that they point to. */
  readonly handles: MpiHandles<number | bigint | string>;
  /** Levels of MPI_Init_thread: calls from any thread one at a time, and at the same time. */
  readonly threads: { readonly serialized: number; readonly multiple: number };
}

/** The handles that are needed. */
export interface MpiHandles<Handle> {
  /** MPI_COMM_WORLD: all ranks of the job. */
  readonly world: Handle;
  /** MPI_BYTE: bytes that no library changes. */
  readonly byte: Handle;
  /** MPI_ERRORS_RETURN: a failed call returns a code instead of ending the process. */
  readonly errorsReturn: Handle;
}

/** Open MPI: pointers to objects of the library. */
export const OPEN_MPI: MpiTable = {
  name: "Open MPI",
  handle: "pointer",
  handles: { world: "ompi_mpi_comm_world", byte: "ompi_mpi_byte", errorsReturn: "ompi_mpi_errors_return" },
  threads: { serialized: 2, multiple: 3 },
};

/** MPICH and its kin: 32-bit numbers. */
export const MPICH: MpiTable = {
  name: "MPICH",
  handle: "i32",
  handles: { world: 0x44000000, byte: 0x4c00010d, errorsReturn: 0x54000001 },
  threads: { serialized: 2, multiple: 3 },
};

/** The standard ABI of MPI 5: numbers as wide as pointers, and thread levels of its own. */
export const MPI_ABI: MpiTable = {
  name: "MPI ABI",
  handle: "usize",
  handles: { world: 0x101n, byte: 0x247n, errorsReturn: 0x143n },
  threads: { serialized: 2048, multiple: 4096 },
};

/** What tells a library's kind. */
export interface MpiSymbols {
  /** The major version of MPI_Abi_get_version, which is −1 where the library has the function but not the ABI; null: none. */
  readonly abiMajor: number | null;
  /** Whether the object ompi_mpi_comm_world is there. */
  readonly hasOpenMpiWorld: boolean;
  /** Whether the function MPI_Init_thread is there. */
  readonly hasInit: boolean;
}

/** The table of a library; null where it is no MPI. The ABI goes first: Open MPI's has Open MPI's own objects below it. */
export function tableFor({ abiMajor, hasOpenMpiWorld, hasInit }: MpiSymbols): MpiTable | null {
  if (!hasInit) return null;
  if (abiMajor !== null && abiMajor > 0) return MPI_ABI;
  return hasOpenMpiWorld ? OPEN_MPI : MPICH;
}
