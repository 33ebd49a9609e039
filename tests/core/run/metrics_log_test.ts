import { deepEqual, equal } from "node:assert/strict";
import type { ResolvedConfig } from "../../../core/config/config_types.ts";
import { appendTiming, type LoggedStage, openMetrics } from "../../../core/run/metrics_log.ts";
import type { RunContext } from "../../../core/run/run_context.ts";
import { RunTrackers } from "../../../core/run/trackers/run_trackers.ts";
import { jsonLines } from "../../_shared/tiny_model.ts";
import { readJsonLines } from "../../_shared/trajectory.ts";
import { withFolder } from "../_tiny.ts";

const LINES = [
  { iteration: 0, stage: "generate" },
  { iteration: 0, stage: "label" },
  { iteration: 0, step: 5 },
  { iteration: 1, stage: "generate" },
  { iteration: 1, stage: "label" },
  { iteration: 1, step: 2 },
  { iteration: 1, step: 4 },
  { iteration: 2, stage: "generate" },
];

/** How many of the lines are kept where a run goes on there. */
async function kept(stage: LoggedStage, iteration: number, step?: number): Promise<number> {
  return await withFolder(async (dir) => {
    const path = `${dir}/metrics.jsonl`;
    await Deno.writeTextFile(path, jsonLines(LINES));
    const config = { output_dir: dir, training: { report_to: [] as string[] } } as unknown as ResolvedConfig;
    const context = { config, trackers: new RunTrackers(config, () => {}) } as RunContext;
    await openMetrics(context, { stage, iteration, ...(step !== undefined && { step }) });
    const lines = await readJsonLines<Record<string, unknown>>(path);
    deepEqual(lines, LINES.slice(0, lines.length));
    return lines.length;
  });
}

Deno.test("openMetrics() drops the lines that a stopped run left behind the place where it goes on", async () => {
  equal(await kept("generate", 0), 0);
  equal(await kept("label", 0), 1);
  equal(await kept("optimize", 0), 2);
  equal(await kept("generate", 1), 3);
  equal(await kept("label", 1), 4);
  equal(await kept("optimize", 1), 5);
  equal(await kept("optimize", 1, 2), 6);
  equal(await kept("optimize", 1, 3), 6);
  equal(await kept("optimize", 1, 4), 7);
  equal(await kept("generate", 3), 8);
});

Deno.test("appendTiming() keeps all lines, each with the most device memory since the one before", () =>
  withFolder(async (dir) => {
    const context = { config: { output_dir: dir }, device: { peakBytes: 64, bytes: 32 } } as RunContext;
    await appendTiming(context, { iteration: 1, seconds: 2 });
    await appendTiming(context, { iteration: 0, seconds: 3 });
    const lines = await readJsonLines(`${dir}/timings.jsonl`);
    deepEqual(lines, [
      { iteration: 1, seconds: 2, device_bytes: 64 },
      { iteration: 0, seconds: 3, device_bytes: 32 },
    ]);
  }));
