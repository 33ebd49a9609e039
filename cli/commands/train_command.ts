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
      const explain = explainer();
      const { iterations, best } = await runTrain(config, {
        ...hooks,
        onIteration: (summary) => {
          const line = iterationLine(summary);
          if (line === null) return;
          for (const text of [...explain(summary), line]) progress.result(text);
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

/** What an iteration's line does not say itself, told once, before the first line that has it. */
export function explainer(): (summary: IterationSummary) => string[] {
  const told = new Set<string>();
  return (summary) => {
    const hasErrors = shownNumbers(summary, idleScoreKeys([{ ...summary }])).some(({ error }) => error !== undefined);
    const texts = [
      ...summary.greedy === undefined ? [] : [RIGHT_ANSWERS],
      ...hasErrors ? [`${PLUS_MINUS}.`] : [],
    ].filter((text) => !told.has(text));
    for (const text of texts) told.add(text);
    return texts.length === 0 ? [] : [texts.join(" ")];
  };
}

const RIGHT_ANSWERS =
  "Shares of right answers to held-out prompts: greedy, the likeliest token each time; sampled, tokens drawn by chance " +
  "as in training; of scores other than 0 and 1 the mean.";

/** The numbers of an iteration that are shown; a mean with its standard error, where that is known. */
function shownNumbers(
  summary: IterationSummary,
  idle: ReadonlySet<string>,
): { key: string; value: number; error: number | undefined }[] {
  const values = new Map(Object.entries(summary));
  return mainKeys(values.keys()).filter((key) => !idle.has(key)).flatMap((key) => {
    const value = values.get(key);
    return value === undefined ? [] : [{ key, value, error: values.get(measureOf(key).stderr ?? "") }];
  });
}

/** The numbers of an iteration that are shown, as text, by their names. */
function shownOf(summary: IterationSummary, idle: ReadonlySet<string>): Map<string, string> {
  return new Map(
    shownNumbers(summary, idle).map(({ key, value, error }) => {
      const { name, kind } = measureOf(key);
      return [name, `${plainNumber(value, kind === "share")}${plusMinus(error, kind === "share")}`];
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
