/** What a run meets on a machine: a save that fails, a folder that is not its own; one line, and what is saved stays. @module */
import { deepEqual, equal, match } from "node:assert/strict";
import { dnpo, runConfig, startDnpo, withoutWarnings, writeConfig } from "../_shared/dnpo.ts";
import { signalAt } from "./_signal_at.ts";
import { equalResults, withTinyRun, writeVerifier } from "./_tiny_run.ts";

/** Runs a command that must fail with the one line. */
async function fails(args: readonly string[], error: RegExp): Promise<void> {
  const { code, out, err } = await dnpo([...args, "--quiet"]);
  match(withoutWarnings(err), error);
  match(withoutWarnings(err), /^[^\n]+\n$/);
  deepEqual([code, out], [1, ""]);
}

Deno.test("a state that cannot be saved ends the run in one line, the last one is kept, and the same command goes on", () =>
  withTinyRun(async (dir, config) => {
    await runConfig("optimize", config("whole"));
    const args = ["optimize", await writeConfig(config("run"))];
    equal((await signalAt(args, /optimize {2}0\/60/, ["SIGTERM"])).code, 143);
    const states = (): Promise<string[]> => Array.fromAsync(Deno.readDir(`${dir}/run/state`), ({ name }) => name);
    const [state] = await states();
    const saved = await Deno.readFile(`${dir}/run/state/${state}`);
    // They are written beside and renamed, which these are in the way of.
    const next = Array.from({ length: 12 }, (_, i) => `${dir}/run/state/step-${5 * i + 5}.safetensors.tmp`);
    await Promise.all(next.map((path) => Deno.mkdir(path)));
    await fails(args, /^error: Cannot write .*\/run\/state\/step-\d+\.safetensors: Is a directory\n/);
    deepEqual(await Deno.readFile(`${dir}/run/state/${state}`), saved);
    await Promise.all(next.map((path) => Deno.remove(path).catch(() => {})));
    equal((await dnpo(args)).code, 0);
    await equalResults(dir, ["metrics.jsonl", "model/model.safetensors"]);
  }));

Deno.test("a run's folder that cannot be written to is named", () =>
  withTinyRun(async (dir, config) => {
    const args = async (folder: string): Promise<string[]> => [
      "optimize",
      await writeConfig(config("run")),
      "--set",
      `output_dir=${folder}`,
    ];
    // Not even root makes folders there.
    await fails(await args("/sys/dnpo"), /^error: Cannot make the run's folder \/sys\/dnpo: /);
    await Deno.writeTextFile(`${dir}/file`, "");
    await fails(await args(`${dir}/file`), /^error: Cannot make the run's folder .*\/file: /);
    await Deno.mkdir(`${dir}/taken/.lock`, { recursive: true });
    await fails(await args(`${dir}/taken`), /^error: Cannot write to the run's folder .*\/taken: Is a directory/);
  }));

Deno.test("what is larger than the device is named before any work is done", () =>
  withTinyRun(async (_dir, config) => {
    const sizes = ["data.max_length", "generation.max_new_tokens"].flatMap((key) => ["--set", `${key}=2000000000`]);
    const args = ["generate", await writeConfig(config("run")), ...sizes];
    await fails(
      args,
      /^error: Cannot go on with generate of iteration 0: cannot use a buffer "rope table": size is 32000\d+ bytes, the device's largest binding/,
    );
  }));

Deno.test("a second process in a run's folder is refused and told the first; a killed one's lock is taken over", () =>
  withTinyRun(async (dir, config) => {
    await runConfig("train", config("whole"));
    const args = ["train", await writeConfig(config("run"))];
    await writeVerifier(dir, 60_000);
    const first = startDnpo(args);
    const reading = first.stderr.pipeThrough(new TextDecoderStream()).getReader();
    for (let err = ""; !/label {2}0\/12/.test(err);) {
      const { value, done } = await reading.read();
      equal(done, false, err);
      err += value;
    }
    await fails(args, new RegExp(`^error: Cannot run in .*/run: process ${first.pid} is running there; `));
    first.kill("SIGKILL");
    await reading.cancel();
    await first.stdout.cancel();
    await first.status;
    await writeVerifier(dir, 0);
    equal((await dnpo(args)).code, 0);
    await equalResults(dir, ["metrics.jsonl", "model/model.safetensors"]);
  }));
