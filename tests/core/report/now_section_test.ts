import { match } from "node:assert/strict";
import { nowSection } from "../../../core/report/now_section.ts";
import { RunReader, type RunView } from "../../../core/run/run_reader.ts";
import { withRun } from "../_run_folders.ts";

const progress = { at: "2026-01-01T00:00:00Z", stage: "optimize", done: 1, total: 4, seconds: 4, before: 0 };

async function nowOf(config: RunView["config"], iteration: number): Promise<string> {
  const view = await withRun({}, (dir) => new RunReader(dir).read());
  return nowSection({ ...view, state: "running", config, progress: { ...progress, iteration } });
}

Deno.test("nowSection() names the iteration of a run, and none of its start or of a stage that runs alone", async () => {
  match(await nowOf({ method: "dnpo", iterations: 2 }, 0), />Iteration 0, optimize: 1 of 4 steps</);
  match(await nowOf({ method: "dnpo", iterations: 2 }, -1), />optimize: 1 of 4 steps</);
  for (const stage of ["sft", "optimize"]) {
    const html = await nowOf({ stage, iteration: 0 }, 0);
    match(html, />optimize: 1 of 4 steps</);
    // The plan goes by the iteration all the same.
    match(html, />25 % of the whole run</);
  }
});
