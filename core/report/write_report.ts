/** A run's page: report.html, one file that needs nothing else. @module */
import { writeFileAtomic } from "../files/atomic.ts";
import { runPaths } from "../run/run_paths.ts";
import { RunReader } from "../run/run_reader.ts";
import { PAGE_STYLE } from "./page_style.ts";
import { type PageBlocks, type PageFrame, pageOf, policyHash, runBlocks } from "./run_page.ts";

/**
 * Writes `RUN/report.html` from the run's files and returns its path. Throws a UserError if one is malformed.
 *
 * @example
 * ```ts
 * import { writeReport } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * const dir = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${dir}/metrics.jsonl`, '{"iteration": 0, "step": 1, "loss": 0.69}\n');
 * const page = await Deno.readTextFile(await writeReport(dir));
 * assert.match(page, /^<!doctype html>/);
 * ```
 */
export async function writeReport(runDir: string): Promise<string> {
  const path = runPaths(runDir).report;
  const run = await new RunReader(runDir).read();
  const page = await savedPage(runBlocks(run, { isSaved: true }), {
    title: `${run.name} · dnpo`,
    below: "Made by dnpo from the run's files. docs/reading-the-report.md says how to read it.",
  });
  await writeFileAtomic(path, page);
  return path;
}

/** A page as a file that needs nothing else and runs nothing, which its policy says. */
export async function savedPage(blocks: PageBlocks, frame: Pick<PageFrame, "title" | "below">): Promise<string> {
  const policy = `default-src 'none'; style-src ${await policyHash(PAGE_STYLE)}; base-uri 'none'; form-action 'none'`;
  return pageOf(blocks, { ...frame, head: `<meta http-equiv="Content-Security-Policy" content="${policy}">` });
}
