import { throws } from "node:assert/strict";
import { openMpiLibrary } from "../../../core/cluster/mpi_library.ts";

Deno.test("without the permission for its file no library is loaded", () => {
  // Tests have no such permission.
  throws(() => openMpiLibrary("/usr/lib/libmpi.so.40"), {
    name: "UserError",
    message:
      "Cannot open MPI: /usr/lib/libmpi.so.40 may not be loaded, expected the permission that `deno task dnpo:mpi` gives, or --allow-ffi=/usr/lib/libmpi.so.40",
  });
});
