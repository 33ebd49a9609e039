import { deepEqual } from "node:assert/strict";
import { readBenchmarks } from "../../../../core/report/runs/benchmark_points.ts";
import { findRuns } from "../../../../core/report/runs/find_runs.ts";
import { resultsText, runFiles, withFiles } from "./_report_folders.ts";

const THREE = [{ greedy: 0.5 }, { greedy: 0.6 }, { greedy: 0.7 }];

Deno.test("readBenchmarks() finds each iteration's results by the model's path, the last one's and the start's", async () => {
  const files = { ...runFiles("run", { model: "org/base", numbers: THREE }), "eval/x": "" };
  await withFiles(files, async (dir) => {
    const put = async (name: string, model: string, acc: number, date = 1): Promise<void> => {
      await Deno.mkdir(`${dir}/eval/${name}`, { recursive: true });
      const text = resultsText(model, { arc: { "acc,none": acc, "acc_stderr,none": 0.01 } }, { date });
      await Deno.writeTextFile(`${dir}/eval/${name}/results_${date}.json`, text);
    };
    await put("base", "org/base", 0.1);
    await put("zero", `${dir}/run/iteration-0/model`, 0.2);
    await put("last", `${dir}/run/`, 0.3);
    // The later one counts, whatever the files are called.
    await put("last", `${dir}/run/model`, 0.35, 9);
    await put("last", `${dir}/run/model`, 0.34, 10);
    await put("not", "somebody/else", 0.9);
    const { tasks, scores, strangers } = (await readBenchmarks(`${dir}/eval`, await findRuns([`${dir}/run`])))!;
    deepEqual(tasks, [{ name: "arc", metric: "acc" }]);
    deepEqual([...scores[0]!].sort(([a], [b]) => a - b).map(([k, of]) => [k, of.get("arc")!.value]), [
      [-1, 0.1],
      [0, 0.2],
      [1, 0.34],
    ]);
    deepEqual(strangers, ["somebody/else"]);
  });
});

Deno.test("readBenchmarks() takes a run's own model for the iteration that it hands out as the best", async () => {
  const best = { iteration: 0, metric: "greedy", value: 0.7 };
  const iterations = [{ iteration: -1 }, { iteration: 0, greedy: 0.7 }, { iteration: 1, greedy: 0.6 }];
  const files = { ...runFiles("run"), "run/summary.json": JSON.stringify({ iterations, model: "run/model", best }) };
  await withFiles({ ...files, "eval/x": "" }, async (dir) => {
    await Deno.writeTextFile(`${dir}/eval/results_1.json`, resultsText(`${dir}/run`, { arc: { "acc,none": 0.4 } }));
    const { scores } = (await readBenchmarks(`${dir}/eval`, await findRuns([`${dir}/run`])))!;
    deepEqual([...scores[0]!.keys()], [0]);
  });
});

Deno.test("readBenchmarks() counts a group with a score once, and takes the tasks of one without", async () => {
  const results = {
    openllm: {},
    mmlu: { "acc,none": 0.5 },
    mmlu_stem: { "acc,none": 0.4 },
    mmlu_physics: { "acc,none": 0.3 },
    gsm8k: { "exact_match,strict-match": 0.2, "exact_match,flexible-extract": 0.25 },
    piqa: { "acc,none": 0.6, "acc_norm,none": 0.7 },
    text: { "word_perplexity,none": 20 },
  };
  const groups = { openllm: ["mmlu", "gsm8k"], mmlu: ["mmlu_stem"], mmlu_stem: ["mmlu_physics"] };
  const files = { ...runFiles("run"), "eval/results_1.json": resultsText("base", results, { group_subtasks: groups }) };
  await withFiles(files, async (dir) => {
    const { tasks, scores, unscored } = (await readBenchmarks(`${dir}/eval`, await findRuns([`${dir}/run`])))!;
    deepEqual(tasks, [
      { name: "gsm8k", metric: "exact_match, strict-match" },
      { name: "mmlu", metric: "acc" },
      { name: "piqa", metric: "acc_norm" },
    ]);
    deepEqual([...scores[0]!.get(-1)!].map(([task, { value }]) => [task, value]).sort(), [
      ["gsm8k", 0.2],
      ["mmlu", 0.5],
      ["piqa", 0.7],
    ]);
    deepEqual(unscored, ["text"]);
  });
});

Deno.test("readBenchmarks() takes what the runs asked themselves, wherever their folders are now", async () => {
  const files = {
    ...runFiles("run", { numbers: THREE }),
    "run/benchmarks/results_1.json": resultsText("base", { arc: { "acc,none": 0.1 } }),
    "run/iteration-1/benchmarks/results_1.json": resultsText("elsewhere/iteration-1", { arc: { "acc,none": 0.2 } }),
    "bare/x": "",
    ...runFiles("other", { numbers: THREE }),
  };
  await withFiles(files, async (dir) => {
    const found = await findRuns([`${dir}/run`, `${dir}/other`]);
    const { tasks, scores } = (await readBenchmarks(undefined, found))!;
    deepEqual(tasks, [{ name: "arc", metric: "acc" }]);
    deepEqual([...scores[0]!].map(([k, of]) => [k, of.get("arc")!.value]), [[-1, 0.1], [1, 0.2]]);
    deepEqual([...scores[1]!], []);
    deepEqual(await readBenchmarks(undefined, await findRuns([`${dir}/other`])), null);
  });
});

Deno.test("readBenchmarks() leaves out what runs asked otherwise than others, or than the folder that is named", async () => {
  const of = (acc: number, documents: number, more: Record<string, Record<string, number>> = {}): string =>
    resultsText("base", { arc: { "acc,none": acc }, ...more }, { "n-samples": { arc: { effective: documents } } });
  const files = {
    ...runFiles("run", { numbers: THREE }),
    "run/benchmarks/results_1.json": of(0.1, 5, { piqa: { "acc,none": 0.6 } }),
    ...runFiles("other", { numbers: THREE }),
    "other/benchmarks/results_1.json": of(0.2, 9),
    ...runFiles("odd", { numbers: THREE }),
    "odd/benchmarks/results_1.json": resultsText("base", { text: { "word_perplexity,none": 20 } }),
    "eval/x": "",
  };
  await withFiles(files, async (dir) => {
    const found = await findRuns([`${dir}/run`, `${dir}/other`]);
    const own = (await readBenchmarks(undefined, found))!;
    deepEqual(own.tasks, [{ name: "piqa", metric: "acc" }]);
    deepEqual(own.scores.map((each) => [...each.get(-1)?.keys() ?? []]), [["piqa"], []]);
    deepEqual(own.unlike, [
      `arc was asked with documents 5 in ${dir}/run/benchmarks/results_1.json, but with documents 9 in ` +
      `${dir}/other/benchmarks/results_1.json`,
    ]);
    const text = resultsText(`${dir}/other/iteration-0`, { arc: { "acc,none": 0.3 } }, {
      "n-samples": { arc: { effective: 9 } },
    });
    await Deno.writeTextFile(`${dir}/eval/results_1.json`, text);
    const named = (await readBenchmarks(`${dir}/eval`, found))!;
    deepEqual(named.tasks.map(({ name }) => name), ["arc", "piqa"]);
    deepEqual([...named.scores[1]!].map(([k, of]) => [k, of.get("arc")!.value]).sort(), [[-1, 0.2], [0, 0.3]]);
    deepEqual([...named.scores[0]!.get(-1)!.keys()], ["piqa"]);
    deepEqual(named.unlike.length, 1);
    // A run whose benchmarks are no shares has its report all the same.
    const { tasks, unscored } = (await readBenchmarks(undefined, await findRuns([`${dir}/odd`])))!;
    deepEqual([tasks, unscored], [[], ["text"]]);
  });
});
