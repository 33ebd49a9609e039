/** `dnpo evaluate` and `dnpo sweep` as processes, on the quick start's model. */
import { deepEqual, equal, match } from "node:assert/strict";
import { dnpo, succeeded, withFolder } from "../_shared/dnpo.ts";
import { hasTerminal, inTerminal } from "../_shared/terminal.ts";
import { jsonLines } from "../_shared/tiny_model.ts";
import { signalAt } from "./_signal_at.ts";

const MODEL = "examples/quickstart/model";

/** Words that all differ: the digits of a number to the base 8, and again. */
const LETTERS = Array.from(
  { length: 300 },
  (_, i) => Array.from({ length: 6 }, (_, j) => "abcdefgh"[(Math.floor(i / 8 ** (j % 3)) + j) % 8]).join(""),
);

async function writeTask(dir: string): Promise<string[]> {
  const rows = LETTERS.map((letters) => ({ letters, choices: [[...letters].sort().join(""), letters], gold: 0 }));
  await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(rows));
  await Deno.writeTextFile(
    `${dir}/sorting.yaml`,
    `task: sorting\ndataset_path: json\ndataset_kwargs: {data_files: {test: ${dir}/rows.jsonl}}\ntest_split: test\n` +
      `output_type: multiple_choice\ndoc_to_text: "sort {{letters}}>"\ndoc_to_choice: choices\ndoc_to_target: gold\n` +
      `target_delimiter: ""\n`,
  );
  return ["evaluate", MODEL, "--tasks", "sorting", "--task-file", `${dir}/sorting.yaml`];
}

Deno.test("evaluate prints lm-eval's table, goes on after Ctrl-C, and says in a line what is wrong", () =>
  withFolder(async (dir) => {
    const args = [...await writeTask(dir), "-o", `${dir}/out`];
    const stopped = await signalAt([...args, "--batch-tokens", "32"], /sorting +0/, ["SIGINT"]);
    equal(stopped.code, 130);
    match(stopped.err, /Stopped\. The answers so far are kept in /);
    const out = succeeded(args, await dnpo([...args, "-q"]));
    const [heads, , first] = out.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
    deepEqual(heads, ["", "Tasks", "Version", "Filter", "n-shot", "Metric", "", "Value", "", "Stderr", ""]);
    deepEqual(first!.slice(0, 7), ["", "sorting", "Yaml", "none", "0", "acc", "↑"]);
    match(first!.slice(7).join(" "), /^[01]\.\d{4} ± 0\.\d{4} $/);
    match(out, /\nResults: \S+results_\S+\.json\n$/);
    const lines = (await Deno.readTextFile(`${dir}/out/examples__quickstart__model/answers.jsonl`)).trim().split("\n");
    deepEqual(new Set(lines.map((line) => JSON.parse(line).key)).size, lines.length);
    const shown = [...args, "--limit", "4", "--baseline", MODEL, "--json", "-q"];
    const [{ results, dnpo: { differences } }] = JSON.parse(succeeded(shown, await dnpo(shown)));
    equal(results.sorting.sample_len, 4);
    deepEqual(differences.map((each: Record<string, unknown>) => [each.metric, each.rows, each.difference]), [
      ["acc", 4, 0],
      ["acc_norm", 4, 0],
    ]);
    for (
      const [more, says] of [
        [["--limit", "x"], /^error: Cannot evaluate: --limit is "x", expected a number from 0\n$/],
        [["--apply-chat-template"], /^error: Cannot apply a chat template: the model has none, [^\n]*\n$/],
        [["--no-fewshot-as-multiturn"], /^error: Cannot evaluate: --no-fewshot-as-multiturn is given, and [^\n]*\n$/],
        [["--max-length", "1"], /^error: Cannot evaluate with inputs of 1 tokens: expected [^\n]*\n$/],
      ] as const
    ) {
      const wrong = await dnpo([...args, ...more, "-q"]);
      equal(wrong.code, 1, more.join(" "));
      match(wrong.err, says);
    }
  }));

Deno.test("evaluate breaks the lines below its table where the terminal is narrow", async () => {
  if (!await hasTerminal()) return;
  await withFolder(async (dir) => {
    await Deno.writeTextFile(`${dir}/notes.txt`, "sort edbga>abdeg\n");
    const args = ["evaluate", MODEL, "--tasks", "perplexity", "--text", `${dir}/notes.txt`, "-o", `${dir}/out`];
    const { code, shown } = await inTerminal([...args, "-q"], [], { columns: 60 });
    equal(code, 0, shown);
    const below = shown.trimEnd().split("\n").filter((line) => !line.startsWith("|"));
    match(
      below.join(" ").replaceAll(/ +/g, " "),
      /: float32, as lm-eval 0\.4\.13; limit: none, .*template: no Results: /,
    );
    // A path stays whole, so that it can be copied.
    equal(below.every((line) => line.length <= 60 || !line.trim().includes(" ")), true, shown);
  });
});

Deno.test("sweep runs each setting and prints one table, and report makes a page of it", () =>
  withFolder(async (dir) => {
    const args = ["sweep", "examples/quickstart/config.yaml", "--vary", "training.beta=0.05,0.1", "--seeds", "1"];
    const small = ["data.limit=16", "data.eval=null", "training.max_steps=1", "iterations=1"].flatMap((
      set,
    ) => ["--set", set]);
    const swept = await dnpo([...args, ...small, "-o", `${dir}/sweep`, "-q"]);
    const out = succeeded(args, swept);
    // Each warning says of which run it is: the config's rates are for three iterations.
    for (const beta of ["0.05", "0.1"]) {
      match(swept.err, new RegExp(`^Warning: beta=${beta}, seed 1: training\\.learning_rate has 3 entries`, "m"));
    }
    match(out, /│ variant +│ after +│ seeds │/);
    match(out, /│ beta=0\.05 │ iteration 0 │ +1 │/);
    match(out, new RegExp(`\nAll numbers: ${dir}/sweep/sweep\\.csv\n$`));
    const page = ["report", `${dir}/sweep`, "-o", `${dir}/report`];
    const made = await dnpo(page);
    match(succeeded(page, made), /^Report: \S+\/report\/index\.html \(2 runs, 2 variants, \d+ figures\)\n$/);
    equal(/^No histogram/m.test(made.err), false, made.err);
    match(await Deno.readTextFile(`${dir}/report/logps.csv`), /\nbeta=0\.05,0,1,\d+,/);
    match(await Deno.readTextFile(`${dir}/report/means.csv`), /\ngenerated_chosen,beta=0\.1,both \(DNPO\),0,1,/);
    const twice = await dnpo(page);
    equal(twice.code, 1);
    match(twice.err, /^error: Cannot write the report \S+: it is there already, expected a new name, or --force\n$/);
    const forced = succeeded(page, await dnpo([...page, "--force", "--json", "-q"]));
    deepEqual(JSON.parse(forced).variants, ["beta=0.05", "beta=0.1"].map((name) => ({ name, runs: 1 })));
    const none = await dnpo(["report", `${dir}/sweep`, `${dir}/nothing`, "-o", `${dir}/other`]);
    equal(none.code, 1);
    match(none.err, /^error: Cannot report on \S+nothing: it is no folder, expected [^\n]+\n$/);
    const wrong = await dnpo(["sweep", "examples/quickstart/config.yaml"]);
    equal(wrong.err, "error: Cannot sweep: nothing varies, expected --vary or --seeds\n");
  }));
