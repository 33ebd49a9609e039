/** Prints the path of the MPI library, which `deno task dnpo:mpi` is given the permission to load. @module */
import { findMpi } from "../core/cluster/find_mpi.ts";
import { UserError } from "../core/error.ts";

try {
  console.log(await findMpi());
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(`error: ${error.message}`);
  Deno.exit(1);
}
