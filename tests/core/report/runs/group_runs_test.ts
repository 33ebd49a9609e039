import { deepEqual } from "node:assert/strict";
import { findRuns } from "../../../../core/report/runs/find_runs.ts";
import { groupRuns, legendNames, type RunGroup } from "../../../../core/report/runs/group_runs.ts";
import { type MadeRun, runFiles, sweepFile, withFiles } from "./_report_folders.ts";

async function groupsOf(files: Record<string, string>, dirs: readonly string[]): Promise<RunGroup[]> {
  return await withFiles(files, async (dir) => groupRuns(await findRuns(dirs.map((name) => `${dir}/${name}`))));
}

const made = (runs: Readonly<Record<string, MadeRun>>): Record<string, string> =>
  Object.assign({}, ...Object.entries(runs).map(([dir, run]) => runFiles(dir, run)));

const shapeOf = (groups: readonly RunGroup[]) => groups.map(({ name, runs }) => [name, runs.map(({ seed }) => seed)]);

Deno.test("groupRuns() joins runs that differ in seeds and folders alone, under what their names share", async () => {
  const files = made({
    "spin-seed-1": { seed: 1 },
    "dnpo-seed-1": { judge: "verifier", seed: 1 },
    "spin-seed-2": { seed: 2 },
  });
  deepEqual(shapeOf(await groupsOf(files, ["spin-seed-1", "dnpo-seed-1", "spin-seed-2"])), [
    ["spin", ["1", "2"]],
    ["dnpo-seed-1", ["1"]],
  ]);
});

Deno.test("groupRuns() takes two runs of one seed for two variants: they are no two draws", async () => {
  const files = made({ "one": { seed: 1 }, "again": { seed: 1 } });
  deepEqual(shapeOf(await groupsOf(files, ["one", "again"])), [["one", ["1"]], ["again", ["1"]]]);
});

Deno.test("groupRuns() keeps variants of two sweeps apart, and gives each a name of its own", async () => {
  const of = (dir: string) => ({
    ...sweepFile(dir, [{ variant: "beta=1", seed: 1, path: "beta=1/seed-1" }]),
    ...runFiles(`${dir}/beta=1/seed-1`, { seed: 1 }),
  });
  const groups = await groupsOf({ ...of("a"), ...of("b") }, ["a", "b"]);
  deepEqual(groups.map(({ name }) => name), ["a: beta=1", "b: beta=1"]);
});

Deno.test("groupRuns() names runs whose folders are called the same by as many folders as it takes", async () => {
  const files = made({
    "x/spin/run": { model: "x" },
    "x/dnpo/run": { model: "y" },
    "y/spin/run": { model: "z" },
    "other": { model: "w" },
  });
  const groups = await groupsOf(files, ["x/spin/run", "x/dnpo/run", "y/spin/run", "other"]);
  deepEqual(groups.map(({ name }) => name), ["x/spin/run", "dnpo/run", "y/spin/run", "other"]);
});

Deno.test("legendNames() are short, different, and state n where there are several seeds", async () => {
  const long = "a-run-whose-name-is-longer-than-any-legend-of-a-narrow-page";
  const files = made({ [`${long}-x`]: { seed: 1 }, [`${long}-y`]: { judge: "verifier" } });
  const names = legendNames(await groupsOf(files, [`${long}-x`, `${long}-y`]));
  deepEqual(names, [1, 2].map((place) => `${place}: ${long.slice(0, 33)}…`));
});
