/** What is said of an iteration's numbers has the same names in a command, a report and a model card. @module */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { bestLine, explainer, iterationTable } from "../../../cli/commands/train_command.ts";
import type { IterationSummary } from "../../../core/loop/run_summary.ts";
import { mainKeys, measureOf } from "../../../core/report/measures.ts";
import { modelCard } from "../../../core/report/model_card.ts";
import { writeReport } from "../../../core/report/write_report.ts";
import { readRun } from "../../../core/run/read_run.ts";
import { TRIAL, withRun } from "../../core/_run_folders.ts";

const START: IterationSummary = { iteration: -1, greedy: 0.5, sampled: 0.4, eval_loss: 1.25, eval_rows: 500 };
const AFTER: IterationSummary = {
  ...START,
  iteration: 0,
  eval_loss: 1,
  pairs: 1500,
  generated_chosen: 0.25,
  steps: 7,
  loss: 0.69314,
  noise_loss: -0.69314,
  rewards_margins: -0.0000123,
  rewards_accuracies: 0.5,
};

Deno.test("iterationTable() has numbers as rows and iterations as columns, with digits that tell something", () => {
  equal(
    iterationTable([START, AFTER]),
    `┌──────────────────────────┬────────┬──────────┐
│ iteration                │  start │        0 │
├──────────────────────────┼────────┼──────────┤
│ held-out rows            │    500 │      500 │
│ right answers, sampled   │ 40.0 % │   40.0 % │
│ right answers, greedy    │ 50.0 % │   50.0 % │
│ held-out loss            │  1.250 │        1 │
│ pairs                    │        │    1,500 │
│ generated answer chosen  │        │   25.0 % │
│ optimizer steps          │        │        7 │
│ model loss               │        │   0.6931 │
│ noise loss               │        │  -0.6931 │
│ reward margin            │        │ -1.23e-5 │
│ pairs ranked as labelled │        │   50.0 % │
└──────────────────────────┴────────┴──────────┘`,
  );
});

Deno.test("iterationTable() leaves out a start that was not measured", () => {
  const table = iterationTable([{ iteration: -1 }, AFTER]);
  match(table, /^│ iteration +│ +0 │$/m);
  match(iterationTable([START, AFTER]), /^│ iteration +│ +start │ +0 │$/m);
});

Deno.test("the table of three iterations fits 80 columns, that of one 60; what does not fit is a list", () => {
  const rounds = [START, ...[0, 1, 2].map((iteration) => ({ ...AFTER, iteration }))];
  const of = (count: number, columns: number): string => iterationTable(rounds.slice(0, count), columns);
  ok(of(4, 80).startsWith("┌") && of(4, 80).split("\n").every((line) => line.length <= 80));
  ok(of(2, 60).startsWith("┌"));
  match(of(4, 60), /^right answers, sampled\n {2}start: 40\.0 %\n {2}0: 40\.0 %\n {2}1: 40\.0 %\n/m);
});

Deno.test("the table, the report and the model card call the same numbers the same", async () => {
  const graded = { sampled_score: 0.45, sampled_score_stderr: 0.01, greedy_score: 0.5, score_min: 0, score_max: 1 };
  const pairs = { eval_pairs: 500, eval_rewards_accuracies: 0.5, eval_rewards_margins: 0.25 };
  const summary = { iterations: [START, { ...AFTER, ...graded, ...pairs }], model: "m" };
  await withRun({ ...TRIAL, "summary.json": JSON.stringify(summary) }, async (dir) => {
    const names = [...iterationTable(summary.iterations).matchAll(/^│ (\S.*?) *│/gm)].map(([, name]) => name!).slice(1);
    deepEqual(
      names,
      mainKeys(summary.iterations.flatMap((each) => Object.keys(each))).map((key) => measureOf(key).name),
    );
    const html = await Deno.readTextFile(await writeReport(dir));
    const shown = [...html.matchAll(/<th scope="row">([^<]*)<\/th><td/g)].map(([, name]) => name!);
    deepEqual(shown.filter((name) => names.includes(name)), names);
    const card = modelCard(await readRun(dir), { repo: "me/mine", sources: [], figure: null });
    deepEqual([...card.matchAll(/^- \*\*(.*)\*\*: \S/gm)].map(([, name]) => name), names);
  });
});

Deno.test("explainer() says what ± is before the first line that has one, and each thing once", () => {
  const explain = explainer();
  const graded = { sampled_score: 0.45, sampled_score_stderr: 0.01, score_min: 0, score_max: 2 };
  deepEqual(explain({ iteration: -1, eval_loss: 1 }), []);
  const [shares, ...more] = explain(START);
  deepEqual(more, []);
  match(shares!, /^Shares of right answers .* the mean\.$/);
  // Scores of 0 and 1 alone are not shown, so that their error is not.
  deepEqual(explain({ ...AFTER, ...graded, score_max: 1, sampled: 0.45 }), []);
  deepEqual(explain({ ...AFTER, ...graded }), ["± is the standard error."]);
  deepEqual(explain({ ...AFTER, ...graded }), []);
  match(explainer()({ ...AFTER, ...graded })[0]!, /^Shares .* the mean\. ± is the standard error\.$/);
});

Deno.test("bestLine() says which iteration is handed out, and by what", () => {
  equal(
    bestLine({ iteration: 2, metric: "greedy", value: 0.5 }),
    "Handed out: iteration 2, the best by right answers, greedy (50.0 %)",
  );
});
