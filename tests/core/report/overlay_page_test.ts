import { doesNotMatch, match } from "node:assert/strict";
import { overlayBlocks } from "../../../core/report/overlay_page.ts";
import { RunReader } from "../../../core/run/run_reader.ts";
import { TRIAL, withRun } from "../_run_folders.ts";

Deno.test("overlayBlocks() says what ± is where a run's change has one", async () => {
  const answerOf = (files: Readonly<Record<string, string>>): Promise<string> =>
    withRun({ ...TRIAL, ...files }, async (dir) => {
      const view = await new RunReader(dir).read();
      return overlayBlocks({ dir: "runs", runs: [{ name: "a ± b", view }], laid: [], more: 0 }).answer!;
    });
  // Of no known number of prompts there is no error.
  doesNotMatch(await answerOf({}), /± is| ± \d/);
  const iterations = [[-1, 0.4], [0, 0.6]].map(([iteration, sampled]) => ({ iteration, sampled, eval_rows: 25 }));
  // Both errors are √(0.24 / 24), a tenth.
  match(
    await answerOf({ "summary.json": JSON.stringify({ iterations, model: "m" }) }),
    /sampled 40\.0 % → 60\.0 % \(\+20\.0 ± 14\.1\)[^]*± is the standard error\./,
  );
});
