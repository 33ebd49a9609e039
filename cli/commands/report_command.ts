/** `dnpo report`. @module */
import { counted } from "../../core/counted.ts";
import { reportRuns } from "../../core/report/runs/report_runs.ts";
import type { Values } from "../command_entry.ts";
import { mayWrite } from "../overwrite.ts";
import { sayJson, sayText, tell } from "../print.ts";
import { Progress } from "../progress_line.ts";

/** Writes a report of runs and of the runs of sweeps, and says where it is and what it lacks. */
export async function report(runs: readonly string[], values: Values): Promise<number> {
  const output = typeof values.output === "string" ? values.output : "runs/report";
  const quiet = values.quiet === true;
  if (!await mayWrite(output, { action: `Cannot write the report ${output}`, force: values.force === true })) return 1;
  const progress = new Progress({ quiet });
  try {
    const written = await reportRuns({
      runs,
      output,
      evaluations: typeof values.evaluations === "string" ? values.evaluations : undefined,
      winRates: typeof values.winRates === "string" ? values.winRates : undefined,
      onRun: (done, total) => progress.update({ stage: "read runs", done, total }),
    });
    progress.finish();
    if (values.json === true) {
      sayJson(written);
      return 0;
    }
    const { page, files, variants, missing } = written;
    if (!quiet) tell(...missing);
    const count = variants.reduce((sum, { runs }) => sum + runs, 0);
    const figures = files.filter((name) => name.endsWith(".svg")).length;
    sayText(
      `Report: ${page} (${counted(count, "run")}, ${counted(variants.length, "variant")}, ${
        counted(figures, "figure")
      })`,
    );
    return 0;
  } finally {
    progress.finish();
  }
}
