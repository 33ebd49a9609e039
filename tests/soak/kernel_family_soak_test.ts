/** The goldens with the family of kernels that is not the adapter's own. @module */
import { device } from "../_shared/device.ts";
import { ARCHITECTURES } from "../_shared/oracle.ts";
import { assertGolden } from "../parity/_run.ts";

for (const arch of ARCHITECTURES) {
  Deno.test(`optimize gives the golden run of ${arch} with the other family of kernels`, () =>
    assertGolden(arch, device.family === "cpu" ? "gpu" : "cpu"));
}
