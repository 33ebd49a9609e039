import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { type ReportOptions, reportRuns } from "../../../../core/report/runs/report_runs.ts";
import { lines } from "../../_run_folders.ts";
import { HOSTILE } from "../_hostile_names.ts";
import { resultsText, runFiles, sweepFile, withFiles, writeLogps } from "./_report_folders.ts";

/** The paper's four variants with three seeds each; the seeds differ by more than the variants do. */
const VARIANTS = [
  { variant: "spin", judge: "human", noise: false, greedy: 0.6 },
  { variant: "labels", judge: "verifier", noise: false, greedy: 0.65 },
  { variant: "noise", judge: "human", noise: true, greedy: 0.58 },
  { variant: "dnpo", judge: "verifier", noise: true, greedy: 0.7 },
] as const;

function ablationFiles(dir: string, was = dir): Record<string, string> {
  const runs = [1, 2, 3].flatMap((seed) => VARIANTS.map((settings) => ({ ...settings, seed })));
  return Object.assign(
    sweepFile(dir, runs.map(({ variant, seed }) => ({ variant, seed, path: `${variant}/seed-${seed}` })), was),
    ...runs.map(({ variant, judge, noise, seed, greedy }) =>
      runFiles(`${dir}/${variant}/seed-${seed}`, {
        judge,
        noise,
        seed,
        numbers: [{ greedy: 0.5, eval_rows: 100 }, { greedy: greedy + 0.1 * (seed - 2), eval_rows: 100 }],
        losses: [0.7, 0.6 + 0.01 * seed],
      })
    ),
  );
}

const report = async (
  files: Readonly<Record<string, string>>,
  options: (dir: string) => Omit<ReportOptions, "output">,
): Promise<{ read: (name: string) => string; names: string[]; missing: string[] }> =>
  await withFiles(files, async (dir) => {
    const { files: names, missing } = await reportRuns({ ...options(dir), output: `${dir}/out` });
    const texts = new Map<string, string>();
    for (const name of names) texts.set(name, await Deno.readTextFile(`${dir}/out/${name}`));
    return { read: (name) => texts.get(name)!, names, missing };
  });

/** Runs it with paths below the folder. */
const of = (...paths: string[]) => (dir: string) => ({ runs: paths.map((path) => `${dir}/${path}`) });

const textOf = (html: string): string =>
  html.replaceAll(/<svg[^]*?<\/svg>|<style[^]*?<\/style>/g, "").replaceAll(/<[^>]*>/g, " ").replaceAll(/\s+/g, " ");

Deno.test("reportRuns() tells what each part of the method brings, with errors over seeds, and leads seed by seed", async () => {
  const { read } = await report(ablationFiles("sweep"), of("sweep"));
  const [heads, ...rows] = read("ablation.csv").trimEnd().split("\n").map((line) => line.split(","));
  const greedy = rows.filter((row) => row[2] === "greedy")
    .map((row) => Object.fromEntries(row.map((cell, i) => [heads![i], cell])));
  deepEqual(greedy.map(({ variant, parts }) => [variant, parts]), [
    ["spin", "SPIN"],
    ["labels", "+ labels"],
    ["noise", "+ noise"],
    ["dnpo", "both (DNPO)"],
  ]);
  const dnpo = greedy[3]!;
  deepEqual([dnpo.n, dnpo["lead n"], dnpo.iteration, dnpo.start], ["3", "3", "0", "0.5"]);
  // Values 0.6, 0.7, 0.8: sd 0.1. Seed by seed SPIN is 0.1 below in each, so that the lead has no error.
  const near = (text: string, value: number): void => ok(Math.abs(Number(text) - value) < 1e-12, `${text}: ${value}`);
  near(dnpo.mean!, 0.7);
  near(dnpo.stderr!, 0.1 / Math.sqrt(3));
  near(dnpo["lead on SPIN"]!, 0.1);
  near(dnpo["lead stderr"]!, 0);
  equal(greedy[0]!["lead on SPIN"], "");
  match(textOf(read("index.html")), /dnpo both \(DNPO\) 3 70\.0 % ± 5\.8 \(\+10\.0 ± 0\.0\) after 0/);
});

Deno.test("reportRuns() means losses over seeds, step by step", async () => {
  const { read } = await report(ablationFiles("sweep"), of("sweep"));
  const rows = read("steps.csv").trimEnd().split("\n").map((line) => line.split(","));
  deepEqual(rows[0], ["variant", "iteration", "step", "n", "loss", "loss stderr", "noise/loss", "noise/loss stderr"]);
  const second = rows.find((row) => row[0] === "noise" && row[2] === "2")!;
  deepEqual([second[3], Number(second[4]).toFixed(6), Number(second[6]).toFixed(6)], ["3", "0.620000", "-0.620000"]);
  equal(Number(second[5]).toFixed(6), (0.01 / Math.sqrt(3)).toFixed(6));
  deepEqual(rows.find((row) => row[0] === "spin")!.slice(6), ["", ""]);
});

Deno.test("reportRuns() writes a page that needs nothing else, each figure as SVG, and all numbers as CSV", async () => {
  const { read, names } = await report(ablationFiles("sweep"), of("sweep"));
  deepEqual(names, [
    "index.html",
    "means.csv",
    "runs.csv",
    "steps.csv",
    "ablation.csv",
    "figures/greedy.svg",
    "figures/loss.svg",
    "figures/noise-loss.svg",
  ]);
  const page = read("index.html");
  match(page, /Content-Security-Policy" content="default-src 'none'; style-src 'sha256-[^']+'/);
  equal(/<script|<img|<link|url\(|(src|href)="(?!#)/.test(page), false);
  equal(page.split("<figure>").length - 1, 3);
  // Each variant keeps its colour where a figure lacks others: noise is third and dnpo fourth in all.
  const colours = (name: string): string[] =>
    [...read(name).matchAll(/stroke="(#\w+)" stroke-width="1.8"/g)].map(([, colour]) => colour!);
  equal(new Set(colours("figures/greedy.svg")).size, 4);
  deepEqual(new Set(colours("figures/noise-loss.svg")), new Set(["#009e73", "#cc79a7"]));
  match(read("figures/greedy.svg"), /^<svg xmlns=[^]*>Right answers, greedy<[^]*spin \(n = 3\)[^]*<\/svg>\n$/);
  equal(read("runs.csv").trimEnd().split("\n").length, 1 + 12 * 2);
  match(read("means.csv"), /\ngreedy,labels,\+ labels,0,3,0\.65\d*,0\.057\d+\n/);
});

Deno.test("reportRuns() finds the runs of a sweep that was moved, and counts n where a seed lacks a number", async () => {
  const files = ablationFiles("moved", "/nowhere/sweep");
  const summary = JSON.parse(files["moved/dnpo/seed-3/summary.json"]!);
  summary.iterations.pop();
  const { read, missing } = await report(
    { ...files, "moved/dnpo/seed-3/summary.json": JSON.stringify(summary) },
    of("moved"),
  );
  match(read("means.csv"), /\ngreedy,dnpo,both \(DNPO\),0,2,0\.6\d+,0\.0\d+\n/);
  match(textOf(read("index.html")), /dnpo 50\.0 % ± 0\.0 65\.0 % ± 5\.0 \(n = 2\) 3 /);
  ok(missing.some((line) => /^The run \S+\/moved\/dnpo\/seed-3 is not finished: stopped\.$/.test(line)), `${missing}`);
});

Deno.test("reportRuns() says what is missing, and draws nothing of it", async () => {
  const files = {
    ...runFiles("a", { numbers: [{ greedy: 0.5, sampled: 0.4 }, { greedy: 0.6, sampled: 0.5 }] }),
    ...runFiles("b", { judge: "verifier", numbers: [{ greedy: 0.5 }, { greedy: 0.7, generated_chosen: 0.3 }] }),
  };
  const { names, missing } = await report(files, of("a", "b"));
  deepEqual(names.filter((name) => name.endsWith(".svg")), [
    "figures/sampled.svg",
    "figures/greedy.svg",
    "figures/generated_chosen.svg",
  ]);
  deepEqual(missing, [
    "Not known of b: right answers, sampled.",
    "Not known of any variant: held-out loss.",
    "Not known of any variant: generated answer scored at least as high.",
    "Not known of a: generated answer chosen.",
    "No histogram of a: there are no pairs of generated answers.",
    "No histogram of b: there are no pairs of generated answers.",
    "No benchmarks: --evaluations names no folder of results.",
    "No win rates: --win-rates names no folder of results.",
  ]);
});

Deno.test("reportRuns() says which iterations a histogram lacks, and why", async () => {
  const pair = lines({ chosen_from: "human" });
  const files = {
    ...runFiles("run", { numbers: [{}, { greedy: 0.5 }, { greedy: 0.6 }] }),
    "run/iteration-0/pairs.jsonl": pair.repeat(2),
    "run/iteration-1/pairs.jsonl": pair.repeat(2),
  };
  await withFiles(files, async (dir) => {
    await writeLogps(`${dir}/run/iteration-0`, { chosen: [-1, -2], rejected: [-3, -4] });
    // One of four was dropped.
    await writeLogps(`${dir}/run/iteration-1`, { chosen: [-1, -2, -5], rejected: [-3, -4, -6] });
    const { missing } = await reportRuns({ runs: [`${dir}/run`], output: `${dir}/out` });
    const why = "pairs were dropped as too long, so that log-probabilities cannot be told apart";
    ok(missing.includes(`No histogram of iteration 1 of ${dir}/run: ${why}.`), missing.join("\n"));
    const iterations = (await Deno.readTextFile(`${dir}/out/logps.csv`)).split("\n").map((line) => line.split(",")[1]);
    deepEqual([...new Set(iterations.slice(1, -1))], ["0"]);
  });
});

Deno.test("reportRuns() draws benchmarks by iteration, with their errors, and their average", async () => {
  const result = (model: string, arc: number): string =>
    resultsText(model, {
      arc: { "acc,none": arc - 0.1, "acc_norm,none": arc, "acc_norm_stderr,none": 0.03 },
      gsm8k: { "exact_match,strict-match": 0.2, "exact_match_stderr,strict-match": 0.04 },
    });
  const files = { ...runFiles("run", { model: "hub/base" }), "eval/base/results_1.json": result("hub/base", 0.4) };
  const { read, names } = await withFiles(files, async (dir) => {
    await Deno.mkdir(`${dir}/eval/k`);
    await Deno.writeTextFile(`${dir}/eval/k/results_1.json`, result(`${dir}/run/iteration-0`, 0.6));
    const out = `${dir}/out`;
    const { files } = await reportRuns({ runs: [`${dir}/run`], output: out, evaluations: `${dir}/eval` });
    const means = await Deno.readTextFile(`${out}/means.csv`);
    const page = await Deno.readTextFile(`${out}/index.html`);
    return { names: files, read: { means, page } };
  });
  ok(names.includes("figures/benchmark_average.svg") && names.includes("figures/benchmark-arc.svg"), `${names}`);
  const rows = read.means.split("\n").filter((line) => line.startsWith("benchmark")).map((line) => line.split(","));
  deepEqual(rows.map(([key, , , iteration, n, mean]) => [key, iteration, n, Number(mean).toFixed(3)]), [
    ["benchmark_average", "-1", "1", "0.300"],
    ["benchmark_average", "0", "1", "0.400"],
    ["benchmark/arc", "-1", "1", "0.400"],
    ["benchmark/arc", "0", "1", "0.600"],
    ["benchmark/gsm8k", "-1", "1", "0.200"],
    ["benchmark/gsm8k", "0", "1", "0.200"],
  ]);
  match(
    textOf(read.page),
    /The mean of arc, gsm8k, where all of them are known\. Bars are standard errors over the documents\./,
  );
});

Deno.test("reportRuns() escapes what variants are called", async () => {
  const runs = HOSTILE.map((name, i) => ({ variant: `${i} ${name}`, seed: 1, path: `v${i}/seed-1` }));
  const files = Object.assign(sweepFile("sweep", runs), ...runs.map(({ path }) => runFiles(`sweep/${path}`)));
  const { read, names } = await report(files, of("sweep"));
  for (const name of names.filter((name) => !name.endsWith(".csv"))) {
    // deno-lint-ignore no-control-regex
    equal(/<(script|img|b>|!--)|[\x00-\x08\x1b\u202e]/.test(read(name)), false, name);
  }
});

Deno.test("reportRuns() leaves out a sweep's run that failed before it began, and says so", async () => {
  const runs = [
    { variant: "a", seed: 1, path: "a/seed-1" },
    { variant: "b", seed: 1, path: "b/seed-1", problem: "Cannot train: no such rank" },
  ];
  const { names, missing } = await report(
    { ...sweepFile("sweep", runs), ...runFiles("sweep/a/seed-1"), "sweep/b/seed-1/run.log": "" },
    of("sweep"),
  );
  ok(names.includes("index.html"));
  equal(missing[0], "The run sweep/b/seed-1 failed before it began: Cannot train: no such rank.");
});

Deno.test("reportRuns() refuses in a line what it cannot report on", async () => {
  const files: Record<string, string> = {
    ...runFiles("a", { numbers: [{ greedy: 0.5 }, { greedy: 0.6 }] }),
    ...runFiles("b", { judge: "verifier", numbers: [{ sampled: 0.5 }, { sampled: 0.6 }] }),
    ...runFiles("new", { numbers: [{}] }),
    "none/notes.txt": "",
    "mine/own.txt": "",
    "bad/sweep.json": '{"runs": []}',
    "torn/sweep.json": '{"runs": [{"variant": "x"}]}',
    ...sweepFile("gone", [{ variant: "x", seed: 1, path: "x/seed-1" }]),
    ...sweepFile("failed", [{ variant: "x", seed: 1, path: "x/seed-1", problem: "Cannot train: no such rank" }]),
    "empty/notes.txt": "",
    "other/results_1.json": resultsText("somebody/else", { arc: { "acc,none": 0.5 } }),
    "words/results_1.json": resultsText("base", { text: { "word_perplexity,none": 9 } }),
    "shots/results_1.json": resultsText("base", { arc: { "acc,none": 0.5 } }, { "n-shot": { arc: 0 } }),
    "shots/x/results_2.json": resultsText("base", { arc: { "acc,none": 0.5 } }, { "n-shot": { arc: 25 }, date: 2 }),
  };
  await withFiles(files, async (dir) => {
    for (
      const [runs, says, more] of [
        [
          ["nowhere"],
          /^Cannot report on \S+nowhere: it is no folder, expected a folder of `dnpo train` or `dnpo sweep`$/,
        ],
        [["none"], /^Cannot report on \S+none: it holds neither a run nor a sweep, expected /],
        [["bad"], /^Cannot report on \S+bad: \S+sweep\.json lists no run, expected those that have ended$/],
        [["torn"], /has \{"variant":"x"\} as runs\[0\], expected its variant, seed and dir$/],
        [["gone"], /^Cannot report on \S+gone: \S+sweep\.json lists the run gone\/x\/seed-1, which is not there$/],
        [
          ["failed"],
          /failed: \S+sweep\.json lists only runs that failed before they began, expected one with numbers$/,
        ],
        [["a", "a/"], /^Cannot report on \S+\/a: it is named twice, expected each run once$/],
        [["new"], /^Cannot report on new: no iteration has numbers yet, expected /],
        [
          ["a", "b"],
          /together: no measure is of two of them \(a has right answers, greedy; b has right answers, sampled\), /,
        ],
        [
          ["a"],
          /^Cannot save a report to \S+mine: the folder holds "own\.txt", expected a report's files or nothing$/,
          { output: "mine" },
        ],
        [["a"], /^Cannot report on the evaluations in \S+absent: there is no such folder, /, { evaluations: "absent" }],
        [["a"], /empty: it holds no results_\*\.json, expected those of dnpo evaluate$/, { evaluations: "empty" }],
        [["a"], /other: none is of these runs, but of somebody\/else, expected such of /, { evaluations: "other" }],
        [["a"], /words: no task in it has a share of right answers, /, { evaluations: "words" }],
        [["a"], /shots: arc was asked with examples 0 in \S+, but with examples 25 in \S+, expected one way /, {
          evaluations: "shots",
        }],
      ] as readonly [string[], RegExp, { output?: string; evaluations?: string }?][]
    ) {
      const { output = "out", evaluations } = more ?? {};
      await rejects(
        reportRuns({
          runs: runs.map((run) => `${dir}/${run}`),
          output: `${dir}/${output}`,
          ...(evaluations !== undefined && { evaluations: `${dir}/${evaluations}` }),
        }),
        (error: Error) => {
          equal(error.name, "UserError", `${error.stack}`);
          match(error.message, says);
          equal(error.message.includes("\n"), false);
          return true;
        },
      );
    }
  });
});

Deno.test("reportRuns() lists each seed of a variant once, in order", async () => {
  const files = Object.assign({}, ...[10, 2].map((seed) => runFiles(`run-${seed}`, { seed })));
  // Two draws, though both are sampled with seed 2.
  files["run-10/config.yaml"] = files["run-10/config.yaml"].replace(
    '"generation":{"seed":10}',
    '"generation":{"seed":2}',
  );
  const { read } = await report(files, of("run-10", "run-2"));
  match(textOf(read("index.html")), / without noise 2 2, 10 1 done /);
});
