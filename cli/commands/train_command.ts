/** `dnpo train`. @module */
import type { BestIteration } from "../../core/loop/best_iteration.ts";
import type { IterationSummary } from "../../core/loop/run_summary.ts";
import { train as runTrain } from "../../core/loop/train_run.ts";
import { plainNumber, PLUS_MINUS, plusMinus } from "../../core/report/format_numbers.ts";
import { columnName, iterationName } from "../../core/report/iteration_curves.ts";
import { mainKeys, measureOf } from "../../core/report/measures.ts";
import { idleScoreKeys } from "../../core/run/telling_scores.ts";
import type { RunOptions } from "../options.ts";
import { sayText } from "../print.ts";
import { formatTable, outputColumns } from "../text_table.ts";
import { madeLines } from "./_made_lines.ts";
import { withConfigPaths } from "./_quickstart.ts";
import { runWithConfig } from "./_run_with_config.ts";

/** Runs all iterations of a config, or of the embedded quick start, and prints a table at the end. */
export function train(options: RunOptions): Promise<number> {
  return runWithConfig(
    withConfigPaths(options),
    async ({ config, hooks, progress }) => {
      let isExplained = false;
      const { iterations, best } = await runTrain(config, {
        ...hooks,
        onIteration: (summary) => {
          const line = iterationLine(summary);
          if (line === null) return;
          if (summary.greedy !== undefined && !isExplained) {
            isExplained = true;
            progress.result(
              "Shares of right answers to held-out prompts: greedy, the likeliest token each time; sampled, tokens drawn " +
                `by chance as in training; of scores other than 0 and 1 the mean. ${PLUS_MINUS}.`,
            );
          }
          progress.result(line);
        },
      });
      progress.finish();
      sayText(
        ...iterationTable(iterations, outputColumns()).split("\n"),
        ...best === undefined ? [] : [bestLine(best)],
        ...madeLines(config),
        `Report: ${config.output_dir}/report.html`,
      );
    },
    { isWhole: true },
  );
}

/** Which iteration is handed out as the best one. */
export function bestLine({ iteration, metric, value }: BestIteration): string {
  const { name, kind } = measureOf(metric);
  return `Handed out: iteration ${iteration}, the best by ${name} (${plainNumber(value, kind === "share")})`;
}

/** The numbers of an iteration that are shown, as text, with their names; a mean with its standard error. */
function shownOf(summary: IterationSummary, idle: ReadonlySet<string>): Map<string, string> {
  const values = new Map(Object.entries(summary));
  return new Map(
    mainKeys(values.keys()).filter((key) => !idle.has(key)).flatMap((key) => {
      const { name, kind, stderr = "" } = measureOf(key);
      const value = values.get(key);
      if (value === undefined) return [];
      const error = values.get(stderr);
      return [[
        name,
        `${plainNumber(value, kind === "share")}${plusMinus(error, kind === "share")}`,
      ]];
    }),
  );
}

/** What the table alone tells: how much the other numbers are of. */
const COUNTS: readonly string[] = ["eval_rows", "steps"].map((key) => measureOf(key).name);

/** One line for an iteration that has just ended; null if nothing was measured. */
function iterationLine(summary: IterationSummary): string | null {
  const parts = [...shownOf(summary, idleScoreKeys([{ ...summary }]))].filter(([name]) => !COUNTS.includes(name)).map((
    [name, value],
  ) => `${name} ${value}`);
  return parts.length > 0 ? `${columnName(summary.iteration)}: ${parts.join("; ")}` : null;
}

/**
 * The table of all iterations: numbers that any of them has as rows, iterations as columns. A start that was not measured
 * is left out.
 */
export function iterationTable(iterations: readonly IterationSummary[], terminal = Infinity): string {
  const idle = idleScoreKeys(iterations.map((summary) => ({ ...summary })));
  const measured = iterations.filter((summary) => summary.iteration >= 0 || shownOf(summary, idle).size > 0);
  const shown = measured.map((summary) => shownOf(summary, idle));
  const names = mainKeys(measured.flatMap((summary) => Object.keys(summary))).map((key) => measureOf(key).name)
    .filter((name) => shown.some((values) => values.has(name)));
  return formatTable(
    ["iteration", ...measured.map(({ iteration }) => iterationName(iteration))],
    names.map((name) => [name, ...shown.map((values) => values.get(name) ?? "")]),
    { columns: terminal },
  );
}
