/** Processes that a launcher has started, and that are no ranks of a job. */
import { deepEqual, equal, match } from "node:assert/strict";
import { launchedAlone } from "../../cli/commands/_launched_alone.ts";
import { dnpo, withFolder, writeConfig } from "../_shared/dnpo.ts";

Deno.test("launchedAlone() tells in the first of several processes alone that each runs the whole command", () => {
  const told = (env: Record<string, string>): string[] => launchedAlone((name) => env[name]);
  deepEqual(told({ OMPI_COMM_WORLD_RANK: "0", OMPI_COMM_WORLD_SIZE: "4" }), [
    "Warning: 4 processes run this command, each the whole of it, as OMPI_COMM_WORLD_SIZE is 4: " +
    "to run them as one job, use dnpo --mpi (deno task -q dnpo:mpi)",
  ]);
  equal(told({ PMI_RANK: "0", PMI_SIZE: "2" }).length, 1);
  equal(told({ SLURM_PROCID: "0", SLURM_STEP_NUM_TASKS: "2" }).length, 1);
  for (
    const env of [{}, { PMI_RANK: "1", PMI_SIZE: "2" }, { OMPI_COMM_WORLD_RANK: "0", OMPI_COMM_WORLD_SIZE: "1" }]
  ) deepEqual(told(env as Record<string, string>), []);
});

Deno.test("a command with a config, without --mpi under a launcher, warns, also with --quiet", () =>
  withFolder(async (dir) => {
    const config = await writeConfig({ output_dir: `${dir}/run`, model: `${dir}/none`, pairs: `${dir}/none.jsonl` });
    const { code, err } = await dnpo(["optimize", config, "--quiet"], {
      OMPI_COMM_WORLD_RANK: "0",
      OMPI_COMM_WORLD_SIZE: "2",
    });
    equal(code, 1);
    match(err, /^Warning: 2 processes run this command, .*\nerror: Cannot .*\n$/);
  }));
