/** Draws docs/quickstart.svg from the quick start's run (`deno task docs:figure`, after `deno task train`). @module */
import { readmeFigure } from "../core/report/figures.ts";
import { readRun } from "../core/run/read_run.ts";

const RUN = "runs/quickstart";

if (import.meta.main) {
  const run = await readRun(RUN);
  if (run.iterations.length === 0) {
    console.error(`Cannot draw docs/quickstart.svg: ${RUN} has no summary.json, expected a run: deno task train`);
    Deno.exit(1);
  }
  await Deno.writeTextFile("docs/quickstart.svg", readmeFigure(run));
}
