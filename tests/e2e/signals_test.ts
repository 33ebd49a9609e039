/** Ctrl-C and SIGTERM: the step is finished and saved, and the same command goes on to the same bytes. @module */
import { deepEqual, equal, match } from "node:assert/strict";
import { dnpo, runConfig, writeConfig } from "../_shared/dnpo.ts";
import { signalAt } from "./_signal_at.ts";
import { equalResults, withTinyRun, writeVerifier } from "./_tiny_run.ts";

/** Two signals within this time are one key press (cli/commands/_run_with_config.ts). */
const SAME_PRESS_MS = 250;

for (const [signal, expected] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test(`optimize finishes the step at ${signal}, saves, says how to go on, and does`, () =>
    withTinyRun(async (dir, config) => {
      await runConfig("optimize", config("whole"));
      const args = ["optimize", await writeConfig(config("run"))];
      const { code, err } = await signalAt(args, /optimize {2}0\/60/, [signal]);
      match(err, /^Stopping after the current step; press Ctrl-C again to stop at once$/m);
      match(err, /^Stopped\. What was done is saved in .*\/run, and the same command goes on from there\.$/m);
      equal(code, expected);
      equal((await dnpo(args)).code, 0);
      await equalResults(dir, ["metrics.jsonl", "model/model.safetensors", "noise.safetensors"]);
    }));
}

Deno.test("train that is stopped while it generates and while it labels goes on to the same bytes", () =>
  withTinyRun(async (dir, config) => {
    await runConfig("train", config("whole"));
    const args = ["train", await writeConfig(config("run"))];
    for (const moment of [/generate {2}0\/12/, /label {2}0\/12/]) {
      const { code, err } = await signalAt(args, moment, ["SIGTERM"]);
      match(err, /^Stopped\. /m);
      equal(code, 143);
    }
    equal((await dnpo(args)).code, 0);
    await equalResults(dir, ["metrics.jsonl", "iteration-0/pairs.jsonl", "model/model.safetensors"]);
  }));

Deno.test("a second Ctrl-C stops at once, but not one that follows as fast as a task runner passes it on", () =>
  withTinyRun(async (dir, config) => {
    // A judge that takes its time: the step at hand is a row.
    const args = ["train", await writeConfig(config("run"))];
    await writeVerifier(dir, 600);
    const once = await signalAt(args, /label {2}0\/12/, ["SIGINT", "SIGINT"]);
    match(once.err, /^Stopped\. /m);
    deepEqual([once.code, once.err.match(/Stopping after/g)?.length], [130, 1]);
    await writeVerifier(dir, 60_000);
    const twice = await signalAt(args, /label {2}0\/12/, ["SIGINT", SAME_PRESS_MS + 1000, "SIGINT"]);
    equal(twice.code, 130);
    equal(/^Stopped\. /m.test(twice.err), false, "it did not wait");
    equal(twice.milliseconds < 30_000, true, `${twice.milliseconds} ms`);
  }));
