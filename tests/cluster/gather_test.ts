/** A machine that does not see the run's folder, made by namespaces: it is told, or sent the models. @module */
import { deepEqual, equal, match, notEqual } from "node:assert/strict";
import { dnpoArgs, type EndedJob, findLaunchers, type FoundLauncher, mpirun, ownLines } from "./_mpirun.ts";
import { bytesOf, trainArgs, trainedAlone } from "./_runs.ts";

/** Begins a process on a machine of another name, where `$1` is another folder. */
const OTHER_MACHINE = 'hostname other && mkdir -p "$1" && mount -t tmpfs none "$1" && shift && exec "$@"';

/** Whether this machine lets a process have names and folders of its own. */
async function hasNamespaces(): Promise<boolean> {
  const options = { args: ["-mu", "sh", "-c", OTHER_MACHINE, "sh", await Deno.makeTempDir(), "true"] };
  const tried = await new Deno.Command("unshare", { ...options, stderr: "null" }).output().catch(() => null);
  return tried?.success ?? false;
}

/** Trains on two ranks, of which the second is on a machine of its own. */
function trainApart(launcher: FoundLauncher, output: string, set: readonly string[]): Promise<EndedJob> {
  const args = [...trainArgs("adapters", output), ...set.flatMap((one) => ["--set", one])];
  const deno = dnpoArgs(launcher.path, args);
  const other = ["unshare", "-mu", "sh", "-c", OTHER_MACHINE, "sh", output, Deno.execPath(), ...deno];
  return mpirun(launcher, { ranks: 1, deno: [...deno, ":", "-n", "1", ...other] });
}

const [launcher] = await findLaunchers();
if (launcher === undefined || !await hasNamespaces()) {
  console.log("cluster, a machine without the run's folder: NOT RUN, it takes mpirun, and root for unshare");
} else {
  Deno.test("a rank that does not see the run's folder ends the job, and with distributed.gather has the same bytes", async () => {
    const apart = await Deno.makeTempDir({ prefix: "dnpo-ranks-" });
    const ended = await trainApart(launcher, apart, []);
    notEqual(ended.code, 0);
    const lines = ownLines(ended).filter((line) => line.startsWith("error"));
    equal(lines.length, 1, ended.err);
    match(
      lines[0]!,
      /^error: rank 1 on other: Cannot load \S+iteration-0\/adapter as the first rank has it: .*; all ranks have to see the same files \(distributed\.gather/,
    );
    const gathered = await Deno.makeTempDir({ prefix: "dnpo-ranks-" });
    const whole = await trainApart(launcher, gathered, ["distributed.gather=true"]);
    equal(whole.code, 0, whole.err);
    deepEqual(await bytesOf(gathered), await trainedAlone("adapters"));
  });
}
