/** `dnpo train`. @module */
import type { IterationSummary } from "../../core/loop/run_summary.ts";
import { train as runTrain } from "../../core/loop/train_run.ts";
import { fixed } from "../../core/values.ts";
import type { RunOptions } from "../options.ts";
import { say } from "../print.ts";
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
      const { iterations } = await runTrain(config, {
        ...hooks,
        onIteration: (summary) => {
          const line = iterationLine(summary);
          if (line === null) return;
          if (summary.greedy !== undefined && !isExplained) {
            isExplained = true;
            progress.result(
              "Shares of right answers to held-out prompts: greedy, the likeliest token each time; sampled, tokens drawn " +
                "by chance as in training",
            );
          }
          progress.result(line);
        },
      });
      progress.finish();
      say(
        ...iterationTable(iterations, outputColumns()).split("\n"),
        ...madeLines(config),
        `Report: ${config.output_dir}/report.html`,
      );
    },
    { isWhole: true },
  );
}

const percent = (value: number): string => `${fixed(100 * value, 1)} %`;
const number = (value: number): string => fixed(value, 4);

interface Column {
  head: string;
  value: (summary: IterationSummary) => number | undefined;
  format: (value: number) => string;
}

const COLUMNS: readonly Column[] = [
  { head: "greedy", value: (s) => s.greedy, format: percent },
  { head: "sampled", value: (s) => s.sampled, format: percent },
  { head: "eval loss", value: (s) => s.eval_loss, format: number },
  { head: "generated chosen", value: (s) => s.generated_chosen, format: percent },
  { head: "pairs", value: (s) => s.pairs, format: String },
  { head: "model loss", value: (s) => s.loss, format: number },
  { head: "noise loss", value: (s) => s.noise_loss, format: number },
  { head: "margin", value: (s) => s.rewards_margins, format: number },
];

function name({ iteration }: IterationSummary): string {
  return iteration < 0 ? "start" : `iteration ${iteration}`;
}

/** One line for an iteration that has just ended; null if nothing was measured. */
export function iterationLine(summary: IterationSummary): string | null {
  const parts = COLUMNS.flatMap(({ head, value, format }) => {
    const found = value(summary);
    return found === undefined ? [] : [`${head} ${format(found)}`];
  });
  return parts.length > 0 ? `${name(summary)}: ${parts.join(", ")}` : null;
}

/** The table of all iterations; columns that none of them has are left out, and so is a start that was not measured. */
export function iterationTable(iterations: readonly IterationSummary[], terminal = Infinity): string {
  const columns = COLUMNS.filter(({ value }) => iterations.some((summary) => value(summary) !== undefined));
  const shown = iterations.filter((summary) =>
    summary.iteration >= 0 || columns.some(({ value }) => value(summary) !== undefined)
  );
  return formatTable(
    ["", ...columns.map(({ head }) => head)],
    shown.map((summary) => [
      name(summary),
      ...columns.map(({ value, format }) => {
        const found = value(summary);
        return found === undefined ? "" : format(found);
      }),
    ]),
    { columns: terminal },
  );
}
