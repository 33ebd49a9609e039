/**
 * Draws docs/quickstart.svg from the quick start's run, after `deno task train`.
 *
 *     deno task example examples/quickstart/figure.ts
 *
 * @module
 */
import { readmeFigure, readRun } from "../../mod.ts";

if (import.meta.main) await Deno.writeTextFile("docs/quickstart.svg", readmeFigure(await readRun("runs/quickstart")));
