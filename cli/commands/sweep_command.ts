/** `dnpo sweep`. @module */
import { UserError } from "../../core/error.ts";
import { loadConfig } from "../../core/config/config.ts";
import { problemsOf, sweep as runSweep } from "../../core/loop/sweep.ts";
import { seedsOf, variantsOf } from "../../core/loop/sweep_plan.ts";
import { sweepRows } from "../../core/loop/sweep_statistics.ts";
import { WARNING } from "../../core/progress.ts";
import { PLUS_MINUS } from "../../core/report/format_numbers.ts";
import type { Values } from "../command_entry.ts";
import { readRunOptions } from "../options.ts";
import { say, sayJson } from "../print.ts";
import { sweepTable } from "../sweep_table.ts";
import { outputColumns } from "../text_table.ts";
import { runWithConfig } from "./_run_with_config.ts";

/** Runs a config with several settings and seeds, and prints their numbers side by side. */
export async function sweep(config: string, values: Values): Promise<number> {
  const variants = variantsOf(Array.isArray(values.vary) ? values.vary.map(String) : []);
  const seeds = typeof values.seeds === "string" ? seedsOf(values.seeds) : null;
  const options = readRunOptions(config, values);
  const { output_dir } = await loadConfig(config, { set: options.set });
  const dir = typeof values.output === "string" ? values.output : `${output_dir.replace(/\/+$/, "")}-sweep`;
  const whole = { ...options, set: [...options.set, `output_dir=${JSON.stringify(dir)}`] };
  return await runWithConfig(whole, async ({ hooks, progress }) => {
    const { onDevice: _, ...shared } = hooks;
    let at = "";
    // Without progress nothing else says which run a warning is of.
    const named = (line: string): string =>
      line.startsWith(WARNING) ? `${WARNING}${at}: ${line.slice(WARNING.length)}` : line;
    const runs = await runSweep(config, { variants, seeds, set: options.set, dir }, {
      ...shared,
      onNote: (line) => progress.note(options.quiet ? named(line) : line),
      onRun: ({ config, name, index, total }) => {
        at = name;
        progress.note(`Run ${index + 1} of ${total}: ${name}, in ${config.output_dir}`);
      },
    });
    progress.finish();
    const rows = sweepRows(runs);
    const problems = problemsOf(runs);
    if (values.json === true) sayJson({ dir, rows, problems });
    else {say(
        ...sweepTable(rows, { all: values.all === true, columns: outputColumns() }).split("\n"),
        `Means over the seeds; ${PLUS_MINUS}.`,
        `All numbers: ${dir}/sweep.csv`,
      );}
    if (problems.length > 0) throw new UserError(problems.map((problem) => `A run failed: ${problem}`));
  });
}
