import { deepStrictEqual, equal } from "node:assert/strict";
import { MPI_ABI, MPICH, OPEN_MPI, tableFor } from "../../../core/cluster/mpi_tables.ts";

// Which symbols the libraries have was read from those of Debian: Open MPI 4.1.4, MPICH 4.0.2 and 5.0.2 with its libmpi_abi.

Deno.test("Open MPI is told by its object; its handles are objects' addresses", () => {
  equal(tableFor({ abiMajor: null, hasOpenMpiWorld: true, hasInit: true }), OPEN_MPI);
  // A version that knows the ABI, and does not have it in this library.
  equal(tableFor({ abiMajor: -1, hasOpenMpiWorld: true, hasInit: true }), OPEN_MPI);
  deepStrictEqual(Object.values(OPEN_MPI.handles), ["ompi_mpi_comm_world", "ompi_mpi_byte", "ompi_mpi_errors_return"]);
});

Deno.test("MPICH and its kin are what is left; their handles are 32-bit numbers", () => {
  equal(tableFor({ abiMajor: null, hasOpenMpiWorld: false, hasInit: true }), MPICH);
  equal(tableFor({ abiMajor: -1, hasOpenMpiWorld: false, hasInit: true }), MPICH);
  deepStrictEqual(MPICH.handles, { world: 0x44000000, byte: 0x4c00010d, errorsReturn: 0x54000001 });
  deepStrictEqual(MPICH.threads, { serialized: 2, multiple: 3 });
});

Deno.test("the standard ABI says so itself, also where Open MPI lies below it", () => {
  for (const hasOpenMpiWorld of [false, true]) {
    equal(tableFor({ abiMajor: 1, hasOpenMpiWorld, hasInit: true }), MPI_ABI);
  }
  deepStrictEqual(MPI_ABI.handles, { world: 0x101n, byte: 0x247n, errorsReturn: 0x143n });
  deepStrictEqual(MPI_ABI.threads, { serialized: 2048, multiple: 4096 });
});

Deno.test("a library without MPI's first function is none", () => {
  equal(tableFor({ abiMajor: null, hasOpenMpiWorld: false, hasInit: false }), null);
});
