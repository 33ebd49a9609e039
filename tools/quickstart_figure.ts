/** Draws docs/quickstart.svg from the quick start's run (`deno task docs:figure`, after `deno task train`). @module */
import { readmeFigure } from "../core/report/figures.ts";
import { readRun } from "../core/run/read_run.ts";

if (import.meta.main) await Deno.writeTextFile("docs/quickstart.svg", readmeFigure(await readRun("runs/quickstart")));
