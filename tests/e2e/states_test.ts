/** Processes that are killed between saving a state and removing older ones. @module */
import { equal } from "node:assert/strict";
import { dnpo, runConfig, startDnpo, writeConfig } from "../_shared/dnpo.ts";
import { killUntilEnd, randomNumbers } from "../soak/_kills.ts";
import { walk } from "./_files.ts";
import { equalResults, withTinyRun } from "./_tiny_run.ts";

Deno.test("a run that keeps three states and is killed (SIGKILL) while it saves them goes on to the same bytes", () =>
  withTinyRun(async (dir, config) => {
    const training = { max_steps: 12, save_steps: 1, save_total_limit: 3 };
    await runConfig("optimize", config("whole", training));
    const args = ["optimize", await writeConfig(config("run", training)), "--quiet"];
    // By changes in the folder alone: every save is a file that begins, grows, takes its place, and one that goes.
    const random = randomNumbers(7);
    const changes = (): number => 0.4 + 0.6 * random();
    const kills = await killUntilEnd(args, { folder: `${dir}/run`, random: changes, milliseconds: 1, most: 3 });
    equal(kills.length, 3, kills.join("\n"));
    await equalResults(dir, ["metrics.jsonl", "model/model.safetensors", "noise.safetensors"]);
  }));

Deno.test("a short run that is killed (SIGKILL) between the steps of save_steps goes on from a state saved by time", () =>
  withTinyRun(async (dir, config) => {
    const training = { max_steps: 40, save_steps: 500, save_minutes: 1e-6 };
    await runConfig("optimize", config("whole", training));
    const args = ["optimize", await writeConfig(config("run", training)), "--quiet"];
    const child = startDnpo(args);
    const output = child.output();
    let states: string[] = [];
    while (states.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      states = (await walk(`${dir}/run/state`)).filter((path) => /step-\d+\.safetensors$/.test(path));
    }
    child.kill("SIGKILL");
    equal((await output).signal, "SIGKILL");
    const { err, code } = await dnpo(args);
    equal(code, 0, err);
    await equalResults(dir, ["metrics.jsonl", "model/model.safetensors", "noise.safetensors"]);
  }));
