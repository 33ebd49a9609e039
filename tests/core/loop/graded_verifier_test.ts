/** The scores of a verifier that gives more than 0 and 1: their mean with its error, everywhere numbers are shown. */
import { deepEqual, doesNotMatch, equal, match, rejects } from "node:assert/strict";
import { iterationTable } from "../../../cli/commands/train_command.ts";
import { keptEvaluation } from "../../../core/loop/evaluate_stage.ts";
import type { IterationSummary, RunSummary } from "../../../core/loop/run_summary.ts";
import { train } from "../../../core/loop/train_run.ts";
import { modelCard } from "../../../core/report/model_card.ts";
import { readRun } from "../../../core/run/read_run.ts";
import { withFolder } from "../_tiny.ts";
import { configOf, withChat } from "./_runs.ts";

/** Trains one step with a verifier of this body, on three rows whose references are 0, 1 and 2. */
async function trained(dir: string, verifier: string, training: Record<string, unknown> = {}): Promise<RunSummary> {
  await Deno.writeTextFile(`${dir}/verifier.ts`, `export default ({ reference }) => ${verifier};\n`);
  return await train(
    await configOf(dir, {
      data: { train: `${dir}/rows.jsonl`, eval: `${dir}/rows.jsonl` },
      labels: { judge: "human", verifier: `${dir}/verifier.ts` },
      iterations: 1,
      training: { max_steps: 1, ...training },
    }),
  );
}

function verifiedOf({ eval_loss: _, eval_rows: __, ...start }: IterationSummary): Partial<IterationSummary> {
  return start;
}

Deno.test("a graded verifier's accuracy is its mean score with a standard error, beside the share of scores from 1 on", () =>
  withChat(async (dir) => {
    const { iterations, best } = await trained(dir, "reference / 2", {
      load_best_model_at_end: true,
      metric_for_best_model: "eval_sampled_score",
    });
    // 0, 1/2 and 1: the sample's deviation is 1/2.
    const stderr = Math.sqrt(1 / 12);
    deepEqual(verifiedOf(iterations[0]!), {
      iteration: -1,
      greedy: 1 / 3,
      greedy_score: 0.5,
      greedy_score_stderr: stderr,
      sampled: 1 / 3,
      sampled_score: 0.5,
      sampled_score_stderr: stderr,
      score_min: 0,
      score_max: 1,
    });
    equal(best?.metric, "sampled_score");
    equal(best?.value, iterations[1]!.sampled_score);
    const table = iterationTable(iterations);
    match(table, /^│ score, sampled +│ 0\.5000 ± 0\.29 │/m);
    match(table, /^│ right answers, sampled +│ +33\.3 % │/m);
    const report = await Deno.readTextFile(`${dir}/run/report.html`);
    // ± is the same number in the terminal, the report and the card.
    match(report, /score, sampled<\/th><td>0\.5000 <span class="soft">± 0\.29<\/span>/);
    match(report, /± is the standard error over prompts/);
    match(report, /95 % interval of the change −0\.800 to \+0\.800, n\u00a0=\u00a03 prompts/);
    doesNotMatch(report, /sampled_score_stderr/);
    const card = modelCard(await readRun(`${dir}/run`), { repo: "me/mine", sources: [], figure: null });
    match(card, /^\| score, sampled \| 0\.5000 ± 0\.29 \|/m);
    match(card, /^- ± is the standard error\.$/m);
  }));

Deno.test("a verifier of 0 and 1 is told by its share alone, and scores beyond them by their mean alone", async () => {
  await withChat(async (dir) => {
    const { iterations } = await trained(dir, "reference > 0");
    equal(iterations[0]!.greedy_score, 2 / 3);
    const table = iterationTable(iterations);
    match(table, /right answers, greedy/);
    doesNotMatch(table, /score/);
    doesNotMatch(await Deno.readTextFile(`${dir}/run/report.html`), /score, /);
  });
  await withChat(async (dir) => {
    const { iterations } = await trained(dir, "3 * reference - 1");
    deepEqual([iterations[0]!.score_min, iterations[0]!.score_max], [-1, 5]);
    const table = iterationTable(iterations);
    match(table, /^│ score, greedy +│ +2 ± 1\.7 │/m);
    doesNotMatch(table, /right answers/);
    const card = modelCard(await readRun(`${dir}/run`), { repo: "me/mine", sources: [], figure: null });
    doesNotMatch(card, /right answers/);
  });
});

Deno.test("keptEvaluation() reads what was evaluated before scores were kept, and refuses an error below 0", () =>
  withFolder(async (dir) => {
    const path = `${dir}/evaluation.json`;
    const checksums = { checkResult: () => Promise.resolve() } as unknown as Parameters<
      typeof keptEvaluation
    >[0]["checksums"];
    const old = { rows: 3, loss: 1, greedy: 0.5, sampled: 0.25 };
    await Deno.writeTextFile(path, JSON.stringify(old));
    deepEqual(await keptEvaluation({ checksums }, path), old);
    await Deno.writeTextFile(path, JSON.stringify({ ...old, greedy_score: 0.5, greedy_score_stderr: -1 }));
    await rejects(
      keptEvaluation({ checksums }, path),
      /^UserError: Cannot read .*: "greedy_score_stderr" is -1, expected a number from 0 to /,
    );
  }));
