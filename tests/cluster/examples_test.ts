import { deepEqual, equal, match } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { findLaunchers, ownLines } from "./_mpirun.ts";

const FOLDER = fileURLToPath(new URL("../../examples/cluster/", import.meta.url));
const SCRIPTS = ["two_hosts.sh", "slurm.sbatch"];

async function output(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number; out: string; err: string }> {
  const options: Deno.CommandOptions = { args: [...args], env: { NO_COLOR: "1", ...env }, stdin: "null" };
  const { code, stdout, stderr } = await new Deno.Command(program, options).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out: out!, err: err! };
}

for (const name of SCRIPTS) {
  Deno.test(`examples/cluster/${name} is a script that bash reads and shellcheck has nothing against`, async () => {
    deepEqual(await output("bash", ["-n", `${FOLDER}${name}`]), { code: 0, out: "", err: "" });
    let checked;
    try {
      checked = await output("shellcheck", ["--shell=bash", `${FOLDER}${name}`]);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      return console.log("cluster, shellcheck: NOT RUN, it is not installed");
    }
    deepEqual(checked, { code: 0, out: "", err: "" });
  });
}

const openMpi = (await findLaunchers()).find(({ name }) => name === "Open MPI");

Deno.test({
  name: "examples/cluster/two_hosts.sh starts a rank for each slot of its hosts",
  ignore: openMpi === undefined,
  fn: async () => {
    const hosts = await Deno.makeTempFile();
    try {
      await Deno.writeTextFile(hosts, "# One machine.\n\nlocalhost slots=2\n");
      const ended = await output("bash", [`${FOLDER}two_hosts.sh`, "doctor"], {
        HOSTS: hosts,
        MPIRUN: openMpi!.program,
        // As the tests' own ranks have it, where they run as root.
        OMPI_ALLOW_RUN_AS_ROOT: "1",
        OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1",
      });
      equal(ended.code, 0, ended.err);
      match(ended.out, /^mpi +Open MPI v.*, 2 ranks\nrank 0 .*\nrank 1 .*\nsum +16 MiB over 2 ranks/);
      deepEqual(ownLines(ended).filter((line) => line.startsWith("error")), []);
      const wrong = await output("bash", [`${FOLDER}two_hosts.sh`, "doctor"], { HOSTS: `${hosts}.none` });
      equal(wrong.code === 0, false);
    } finally {
      await Deno.remove(hosts);
    }
  },
});
