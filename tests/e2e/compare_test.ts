/** `dnpo compare` on the quick start's model. */
import { deepEqual, equal, match } from "node:assert/strict";
import { dnpo, succeeded, withFolder } from "../_shared/dnpo.ts";
import { readJsonLines } from "../_shared/trajectory.ts";

const QUICKSTART = "examples/quickstart";

Deno.test("compare prints a summary as JSON and writes its rows, and refuses what it is not told in one line", () =>
  withFolder(async (dir) => {
    const common = ["compare", `${QUICKSTART}/model`, `${QUICKSTART}/model`, "--prompts", `${QUICKSTART}/eval.jsonl`];
    const args = [...common, "--limit", "12", "--judge", "verifier", "--verifier", `${QUICKSTART}/verifier.ts`];
    const summary = JSON.parse(succeeded(args, await dnpo([...args, "--json", "-q", "--output", `${dir}/rows.jsonl`])));
    deepEqual([summary.rows, summary.ties, summary.win_rate, summary.p_value], [12, 12, 0.5, 1]);
    const rows = await readJsonLines<Record<string, unknown>>(`${dir}/rows.jsonl`);
    deepEqual(rows.map(({ row }) => row), Array.from({ length: 12 }, (_, i) => i));
    deepEqual(rows[0], {
      row: 0,
      prompt: "flip edbga>",
      response_a: "agbde",
      response_b: "agbde",
      score_a: 1,
      score_b: 1,
      tokens_a: 6,
      tokens_b: 6,
      finished_a: true,
      finished_b: true,
      outcome: "tie",
    });
    const missing = await dnpo([...common, "--judge", "verifier"]);
    deepEqual([missing.code, missing.out], [1, ""]);
    match(
      missing.err,
      /^error: Cannot run compare: "labels.verifier", which judge verifier needs is not set; [^\n]*\n$/,
    );
    const wrong = await dnpo([...common, "--judge", "oracle"]);
    match(wrong.err, /^error: --judge: expected "human", "verifier", .*, got "oracle"\n$/);
    equal(wrong.code, 1);
  }));
