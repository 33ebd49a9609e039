/** `dnpo --mpi train` on real ranks: the same bytes on any number of them, and after ranks were killed. @module */
import { deepEqual, equal, notEqual, ok } from "node:assert/strict";
import { dnpoArgs, findLaunchers, mpirun, ownLines } from "./_mpirun.ts";
import { bytesOf, KINDS, trainArgs, trainedAlone, trainOn } from "./_runs.ts";

const launchers = await findLaunchers();

// Each count of ranks once, with either library and either kind; `deno task soak` has all of them.
const CASES = [
  { library: 0, kind: "adapters", ranks: 2 },
  { library: 1, kind: "adapters", ranks: 4 },
  { library: 0, kind: "all weights", ranks: 4 },
  { library: 1, kind: "all weights", ranks: 2 },
] as const;

for (const kind of Object.keys(KINDS) as (keyof typeof KINDS)[]) {
  Deno.test(`train of ${kind} leaves the same bytes on any number of ranks as in one process`, async () => {
    const alone = await trainedAlone(kind);
    ok(Object.keys(alone).some((path) => path.endsWith("pairs.jsonl")) && "/metrics.jsonl" in alone);
    for (const { library, ranks } of CASES.filter((one) => one.kind === kind)) {
      const launcher = launchers[library];
      if (launcher === undefined) {
        console.log(`cluster, ${kind} on ${ranks} ranks: NOT RUN, a library is missing`);
        continue;
      }
      const output = await Deno.makeTempDir({ prefix: "dnpo-ranks-" });
      const ended = await trainOn(launcher, { ranks, kind, output });
      equal(ended.code, 0, ended.err);
      deepEqual(await bytesOf(output), alone, `${launcher.name}, ${ranks} ranks`);
    }
  });
}

for (const launcher of launchers.slice(0, 1)) {
  Deno.test("a mistake in the config is told once, and ends all ranks", async () => {
    const args = ["train", "--set", "training.beta=high"];
    const ended = await mpirun(launcher, { ranks: 2, deno: dnpoArgs(launcher.path, args) });
    notEqual(ended.code, 0);
    const lines = ownLines(ended);
    equal(lines.length, 1, ended.err);
    equal(lines[0], 'error: --set training.beta: expected number, got "high"');
  });

  Deno.test("ranks that do not divide the shards are refused before anything is trained", async () => {
    const output = await Deno.makeTempDir({ prefix: "dnpo-ranks-" });
    const args = [...trainArgs("adapters", output), "--set", "distributed.shards=1"];
    const ended = await mpirun(launcher, { ranks: 2, deno: dnpoArgs(launcher.path, args) });
    notEqual(ended.code, 0);
    deepEqual(ownLines(ended).filter((line) => line.startsWith("error")), [
      "error: Cannot deal 1 shard of distributed.shards to 2 ranks, expected 1 rank (or distributed.shards=2)",
    ]);
  });
}
