import { deepEqual, equal, match, ok, rejects, throws } from "node:assert/strict";
import { relative } from "node:path";
import { meanOf } from "../../../core/evaluate/seed_means.ts";
import { problemsOf, sweep, type SweepRun } from "../../../core/loop/sweep.ts";
import { runPath, seedsOf, variantsOf } from "../../../core/loop/sweep_plan.ts";
import { sweepRows } from "../../../core/loop/sweep_statistics.ts";
import { configOf, withInput } from "./_runs.ts";

Deno.test("variantsOf() makes every combination, with commas of lists and objects inside a value", () => {
  deepEqual(variantsOf([]), [{ name: "", set: [] }]);
  deepEqual(variantsOf(["training.beta=0.05,0.1", "noise=none,{update: joint, rank: 8}"]), [
    { name: "beta=0.05 noise=none", set: ["training.beta=0.05", "noise=none"] },
    { name: "beta=0.05 noise={update: joint, rank: 8}", set: ["training.beta=0.05", "noise={update: joint, rank: 8}"] },
    { name: "beta=0.1 noise=none", set: ["training.beta=0.1", "noise=none"] },
    { name: "beta=0.1 noise={update: joint, rank: 8}", set: ["training.beta=0.1", "noise={update: joint, rank: 8}"] },
  ]);
  deepEqual(variantsOf(["training.learning_rate=[1e-3,5e-4],1e-3"]).map(({ set }) => set), [
    ["training.learning_rate=[1e-3,5e-4]"],
    ["training.learning_rate=1e-3"],
  ]);
  // Two keys that end alike are told apart.
  deepEqual(
    variantsOf(["training.learning_rate=1", "noise.learning_rate=2"])[0]!.name,
    [
      "training.learning_rate=1",
      "noise.learning_rate=2",
    ].join(" "),
  );
});

Deno.test("variantsOf() and seedsOf() say which entry is wrong", () => {
  for (
    const [vary, says] of [
      [["beta"], /^Cannot vary "beta": expected KEY=VALUE,VALUE such as /],
      [["=1"], /^Cannot vary "=1": /],
      [["beta=1,,2"], /^Cannot vary "beta=1,,2": /],
      [["beta=1,1"], /^Cannot vary beta: 1 stands there twice/],
      [["beta=1", "beta=2"], /^Cannot vary beta: --vary names it twice/],
      [
        ["a=1", "b=2", "c=3"].map((entry) => `${entry},${Array.from({ length: 20 }, (_, i) => `x${i}`)}`),
        /more than 1000/,
      ],
    ] as const
  ) throws(() => variantsOf(vary), { name: "UserError", message: says });
  deepEqual(seedsOf("3"), [1, 2, 3]);
  deepEqual(seedsOf("7, 8"), [7, 8]);
  for (const text of ["0", "", "1,1", "-1", "x", "1.5", "1001", "1,4294967296", "99999999999999"]) {
    throws(() => seedsOf(text), { name: "UserError", message: /^Cannot sweep: --seeds is "/ });
  }
});

Deno.test("runPath() makes folders of names", () => {
  equal(runPath({ name: "beta=0.1 noise={update: joint}", set: [] }, 2), "beta=0.1-noise=-update-joint/seed-2");
  equal(runPath({ name: "../../x", set: [] }, null), "x");
  equal(runPath({ name: "", set: [] }, 1), "seed-1");
});

Deno.test("sweepRows() gives means over seeds with their errors", () => {
  const run = (variant: string, seed: number, greedy: number): SweepRun => ({
    variant,
    seed,
    dir: "",
    iterations: [{ iteration: -1 }, { iteration: 0, greedy, ...(seed === 1 && { loss: 1 }) }],
  });
  // A start at which nothing was measured is no row; a number that one seed has not is a mean of the others.
  deepEqual(sweepRows([run("a", 1, 0.5), run("b", 1, 0.25), run("a", 2, 1)]), [
    {
      variant: "a",
      iteration: 0,
      values: { greedy: { mean: 0.75, stderr: 0.25, n: 2 }, loss: { mean: 1, stderr: null, n: 1 } },
    },
    { variant: "b", iteration: 0, values: { greedy: { mean: 0.25, stderr: null, n: 1 }, loss: meanOf([1]) } },
  ]);
});

Deno.test("sweep() runs each variant with each seed, and goes on without repeating", () =>
  withInput(async (dir) => {
    const config = await configOf(dir, { iterations: 1 });
    const { output_dir: _, ...settings } = config;
    await Deno.writeTextFile(`${dir}/sweep.yaml`, JSON.stringify(settings));
    // A value of YAML would end before the "#".
    const folder = `${dir}/sweep #1`;
    const options = { variants: variantsOf(["training.beta=0.1,0.4"]), seeds: [1, 2], dir: folder };
    const stop = new AbortController();
    const begun: string[] = [];
    await rejects(
      sweep(`${dir}/sweep.yaml`, options, {
        onRun: ({ name }) => begun.push(name),
        onDone: () => stop.abort(),
        signal: stop.signal,
      }),
      { name: "StoppedError" },
    );
    deepEqual(begun, ["beta=0.1, seed 1", "beta=0.4, seed 1"]);
    const notes: string[] = [];
    const runs = await sweep(`${dir}/sweep.yaml`, options, { onNote: (line) => notes.push(line) });
    equal(notes.filter((line) => /was complete already/.test(line)).length, 1);
    deepEqual(runs.map(({ variant, seed }) => [variant, seed]), [
      ["beta=0.1", 1],
      ["beta=0.4", 1],
      ["beta=0.1", 2],
      ["beta=0.4", 2],
    ]);
    // Other seeds and other settings give other runs.
    equal(new Set(runs.map(({ iterations }) => iterations.at(-1)!.loss)).size > 1, true);
    for (const run of runs) ok((await Deno.stat(run.dir)).isDirectory, run.dir);
    const csv = (await Deno.readTextFile(`${folder}/sweep.csv`)).trim().split("\n");
    match(csv[0]!, /^variant,seed,iteration,/);
    ok(csv.some((line) => line.startsWith("beta=0.4,2,0,")), csv.join("\n"));
    deepEqual(JSON.parse(await Deno.readTextFile(`${folder}/sweep.json`)).runs, runs);
    // What is done is not written again.
    const inodes = (): (number | null)[] =>
      ["sweep.json", "sweep.csv"].map((name) => Deno.statSync(`${folder}/${name}`).ino);
    const were = inodes();
    await sweep(`${dir}/sweep.yaml`, options);
    deepEqual(inodes(), were);
    // A repetition that ends early takes nothing from the record.
    await rejects(
      sweep(`${dir}/sweep.yaml`, options, {
        onRun: ({ index }) => {
          if (index === 1) throw new Error("enough");
        },
      }),
      /enough/,
    );
    deepEqual(JSON.parse(await Deno.readTextFile(`${folder}/sweep.json`)).runs, runs);
    deepEqual((await Deno.readTextFile(`${folder}/sweep.csv`)).trim().split("\n"), csv);
    // So it is where the folder is called otherwise than before.
    const near = relative(Deno.cwd(), folder);
    await rejects(
      sweep(`${dir}/sweep.yaml`, { ...options, dir: near }, {
        onNote: (line) => ok(!line.includes("none of this sweep"), line),
        onRun: ({ index }) => {
          if (index === 1) throw new Error("enough");
        },
      }),
      /enough/,
    );
    deepEqual(
      JSON.parse(await Deno.readTextFile(`${folder}/sweep.json`)).runs,
      runs.map((run) => ({ ...run, dir: run.dir.replace(folder, near) })),
    );
    // Runs of another sweep leave it, which is said.
    const told: string[] = [];
    await sweep(`${dir}/sweep.yaml`, { ...options, seeds: [2] }, { onNote: (line) => told.push(line) });
    equal(
      told[0],
      "The folder has runs that are none of this sweep: beta=0.1, seed 1; beta=0.4, seed 1. They stay, and sweep.json and " +
        "sweep.csv list them no more",
    );
  }));

Deno.test("sweep() checks every run before the first, and names the one that is wrong", () =>
  withInput(async (dir) => {
    await configOf(dir, { iterations: 1 });
    const config = await configOf(dir, { iterations: 1 });
    await Deno.writeTextFile(`${dir}/sweep.yaml`, JSON.stringify(config));
    const swept = (vary: string[], seeds: number[] | null = null): Promise<SweepRun[]> =>
      sweep(`${dir}/sweep.yaml`, { variants: variantsOf(vary), seeds, dir: `${dir}/sweep` });
    await rejects(swept(["training.beta=0.1,-1"], [1]), {
      name: "UserError",
      message: /^beta=-1, seed 1: .*training\.beta/,
    });
    await rejects(swept([]), { message: "Cannot sweep: nothing varies, expected --vary or --seeds" });
    await rejects(swept(["method=dnpo:,dnpo;"]), {
      message: /would both lie in .*, expected values whose names differ/,
    });
    await rejects(swept(["training.seed=1,2"], [1, 2]), {
      name: "UserError",
      message: "seed=2, seed 1: Cannot sweep: --vary makes the seed 2, expected it of --seeds alone",
    });
    await rejects(swept(["output_dir=a,b"]), { name: "UserError", message: /: Cannot sweep: --vary has output_dir, / });
    await rejects(Deno.stat(`${dir}/sweep`), Deno.errors.NotFound);
  }));

Deno.test("sweep() names the run whose settings are wrong for its seed", () =>
  withInput(async (dir) => {
    await Deno.writeTextFile(`${dir}/sweep.yaml`, JSON.stringify(await configOf(dir, { iterations: 1 })));
    const setOfSeed = (): Promise<string[]> => Promise.resolve(["training.max_steps=x"]);
    await rejects(
      sweep(`${dir}/sweep.yaml`, { variants: variantsOf([]), seeds: [7], setOfSeed, dir: `${dir}/sweep` }),
      { name: "UserError", message: /^seed 7: .*training\.max_steps/ },
    );
  }));

Deno.test("sweep() goes on after a run that fails, tries it again, and fails where all do", () =>
  withInput(async (dir) => {
    const { output_dir: _, ...settings } = await configOf(dir, { iterations: 1 });
    await Deno.writeTextFile(`${dir}/sweep.yaml`, JSON.stringify(settings));
    const swept = (vary: string): Promise<SweepRun[]> =>
      sweep(`${dir}/sweep.yaml`, { variants: variantsOf([vary]), seeds: null, dir: `${dir}/sweep` });
    const runs = await swept(`data.train=${dir}/none.jsonl,${settings.data.train}`);
    deepEqual(runs.map(({ iterations, problem }) => [iterations.length > 0, problem === undefined]), [
      [false, false],
      [true, true],
    ]);
    match(runs[0]!.problem!, /none\.jsonl/);
    deepEqual(problemsOf(runs), [`train=${dir}/none.jsonl: ${runs[0]!.problem}`]);
    await rejects(swept(`data.train=${dir}/none.jsonl`), { name: "UserError", message: problemsOf(runs)[0]! });
  }));
