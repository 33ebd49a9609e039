/** Ranks that are killed at any moment: the job ends soon, and the same command ends in the same bytes. @module */
import { deepEqual, equal, ok } from "node:assert/strict";
import { dnpoArgs, findLaunchers, type FoundLauncher } from "../cluster/_mpirun.ts";
import { bytesOf, KINDS, trainArgs, trainedAlone, trainOn } from "../cluster/_runs.ts";

const KILLS = 20;
const RANKS = 2;
/** Seconds within which the job has to end. */
const END_SECONDS = 10;

/** The ranks whose command line names `output`. */
async function ranksOf(output: string): Promise<number[]> {
  const { stdout } = await new Deno.Command("ps", { args: ["-eo", "pid=,comm=,args="] }).output();
  const lines = new TextDecoder().decode(stdout).split("\n").map((line) => line.trim().split(/\s+/));
  return lines.filter(([, program, ...args]) => program === "deno" && args.join(" ").includes(`output_dir=${output}`))
    .map(([pid]) => Number(pid));
}

/** Runs a job of which a rank is killed after `wait` ms; returns the exit code and how long it took to end, in seconds. */
async function killed(
  { program, args, path }: FoundLauncher,
  { output, kind, wait, which }: { output: string; kind: keyof typeof KINDS; wait: number; which: number },
): Promise<{ code: number; seconds: number } | null> {
  const deno = dnpoArgs(path, trainArgs(kind, output));
  const job = new Deno.Command(program, {
    args: [...args, "-n", String(RANKS), Deno.execPath(), ...deno],
    env: { NO_COLOR: "1", DNPO_CACHE: "" },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  await new Promise((resolve) => setTimeout(resolve, wait));
  const ranks = await ranksOf(output);
  const target = ranks[which % ranks.length];
  if (target !== undefined) await new Deno.Command("kill", { args: ["-9", `${target}`], stderr: "null" }).output();
  const at = performance.now();
  const { code } = await job.status;
  return target === undefined ? null : { code, seconds: (performance.now() - at) / 1000 };
}

for (const launcher of (await findLaunchers()).slice(0, 2)) {
  Deno.test(`${launcher.name}: ${KILLS} ranks are killed, and the run ends in the same bytes`, async () => {
    for (const [i, kind] of (Object.keys(KINDS) as (keyof typeof KINDS)[]).entries()) {
      const alone = await trainedAlone(kind);
      const output = await Deno.makeTempDir({ prefix: "dnpo-ranks-" });
      let kills = 0;
      for (let seed = i; kills < KILLS / 2; seed++) {
        const wait = 1500 + (seed * 7919) % 6000;
        const ended = await killed(launcher, { output, kind, wait, which: seed });
        if (ended === null || ended.code === 0) {
          // It was done before, or the rank had left the job; a run anew is killed instead.
          deepEqual(await bytesOf(output), alone);
          await Deno.remove(output, { recursive: true });
          continue;
        }
        kills++;
        ok(ended.seconds < END_SECONDS, `${ended.seconds} s`);
      }
      const last = await trainOn(launcher, { ranks: 4, kind, output });
      equal(last.code, 0, last.err);
      deepEqual(await bytesOf(output), alone);
    }
  });
}
