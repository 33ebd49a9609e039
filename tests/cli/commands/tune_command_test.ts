import { deepEqual, equal, match } from "node:assert/strict";
import { describeTuning } from "../../../cli/commands/doctor_command.ts";
import { dnpo, withFolder } from "../../_shared/dnpo.ts";

Deno.test("dnpo tune keeps what it measures, and dnpo doctor shows it", () =>
  withFolder(async (dir) => {
    const env = { DNPO_CACHE: `${dir}/cache` };
    const before = await dnpo(["doctor"], env);
    match(before.out, /^variants {4}the fixed default \(dnpo tune measures\)$/m);
    const { code, out, err } = await dnpo(["tune", "--quiet"], env);
    deepEqual([code, err], [0, ""]);
    match(out, /^│ NT \d+x\d+x\d+ +│ \w+ +│ +[\d.]+ │ yes +│$/m);
    match(out, /^Kept in .*\/cache\/kernels-.*\.json; runs that begin from now on use (it|them)$/m);
    if (/llvmpipe/.test(out)) {
      // Each width in a thread of its own, with which the driver is loaded anew.
      match(out, /^Vector width: \d+ bits [\d.]+ GFLOP\/s, 512 bits [\d.]+ GFLOP\/s; \d+ bits from now on$/m);
    }
    match(
      (await dnpo(["doctor"], env)).out,
      /^variants {4}measured on [\d-]+, in .*\n {12}N[NT] \S+: \w+, [\d.]+ GFLOP\/s$/m,
    );
  }));

Deno.test("describeTuning() says where nothing is kept", () => {
  deepEqual(describeTuning(null, null), [
    "variants    the fixed default (there is no cache folder to keep a choice in)",
  ]);
  equal(describeTuning(null, "/x")[0], "variants    the fixed default (dnpo tune measures)");
});

Deno.test("DNPO_KERNELS that names no family is one line", async () => {
  const { code, err } = await dnpo(["doctor"], { DNPO_KERNELS: "tpu" });
  deepEqual([code, err], [1, 'error: Cannot choose kernels: DNPO_KERNELS is "tpu", expected cpu or gpu\n']);
});
