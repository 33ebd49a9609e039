import { deepEqual, equal, rejects } from "node:assert/strict";
import { StoppedError } from "../../../core/error.ts";
import { runGenerate } from "../../../core/loop/single_stages.ts";
import { train } from "../../../core/loop/train_run.ts";
import { listRuns } from "../../../core/run/list_runs.ts";
import type { RunHooks } from "../../../core/run/run_context.ts";
import { configOf, withInput } from "../loop/_runs.ts";

Deno.test("runGenerate() that was stopped goes on with another batch size, and refuses other settings", () =>
  withInput(async (dir) => {
    const generation = { max_new_tokens: 40, batch_size: 4, seed: 5 };
    const whole = await runGenerate(await configOf(dir, { generation, output_dir: `${dir}/whole` }));
    const stop = new AbortController();
    const onProgress = ({ done }: { done: number }): void => done === 7 ? stop.abort() : undefined;
    await rejects(runGenerate(await configOf(dir, { generation }), { signal: stop.signal, onProgress }), StoppedError);
    await rejects(
      runGenerate(await configOf(dir, { generation: { ...generation, temperature: 0.5 } })),
      /^UserError: Cannot go on with generate of iteration 0: generation.temperature is 0.5, expected 1 as in .*\/run\/iteration-0\/generation.json; give another output_dir, or --force to begin anew in this one$/,
    );
    await rejects(
      runGenerate(await configOf(dir, { generation: { ...generation, kv_cache_dtype: "bfloat16" } })),
      /: generation.kv_cache_dtype is "bfloat16", expected "float32" as in .*generation.json; /,
    );
    // As one was that began before there was the key.
    const made = `${dir}/run/iteration-0/generation.json`;
    const settings = JSON.parse(await Deno.readTextFile(made));
    delete settings.generation.kv_cache_dtype;
    await Deno.writeTextFile(made, JSON.stringify(settings));
    const path = await runGenerate(await configOf(dir, { generation: { ...generation, batch_size: 3 } }));
    deepEqual(await Deno.readTextFile(path), await Deno.readTextFile(whole));
  }));

Deno.test("runGenerate() that was stopped generates rows anew whose data has changed", () =>
  withInput(async (dir) => {
    const rows = (await Deno.readTextFile(`${dir}/rows.jsonl`)).split("\n");
    const path = await runGenerate(await configOf(dir));
    const before = (await Deno.readTextFile(path)).split("\n");
    // As if it had been stopped just before its end.
    await Deno.rename(path, path.replace(".jsonl", ".partial.jsonl"));
    rows[7] = rows[7]!.replace("[1,", "[1,9,");
    await Deno.writeTextFile(`${dir}/rows.jsonl`, rows.join("\n"));
    await runGenerate(await configOf(dir));
    const after = (await Deno.readTextFile(path)).split("\n");
    deepEqual(before.map((line, i) => line === after[i]), before.map((_, i) => i !== 7));
  }));

Deno.test("train() names settings that are damaged, and says what to do", () =>
  withInput(async (dir) => {
    await Deno.mkdir(`${dir}/run`);
    await Deno.writeTextFile(`${dir}/run/metrics.jsonl`, "{}\n");
    const loop = "labels: &labels\n  judge: *labels\n";
    for (const text of ["model: [", loop, "&a [*a]", "", "just text"]) {
      await Deno.writeTextFile(`${dir}/run/config.yaml`, text);
      await rejects(
        train(await configOf(dir)),
        /^UserError: Cannot read .*\/run\/config.yaml: it is no YAML, expected the settings of the run; delete the folder$/,
        text,
      );
    }
  }));

Deno.test("train() removes the state that a killed process left beside a saved model", () =>
  withInput(async (dir) => {
    await train(await configOf(dir, { iterations: 1 }));
    await Deno.mkdir(`${dir}/run/iteration-0/state`);
    await Deno.writeTextFile(`${dir}/run/iteration-0/state/step-1.safetensors`, "");
    await train(await configOf(dir, { iterations: 1 }));
    const names = await Array.fromAsync(Deno.readDir(`${dir}/run/iteration-0`), ({ name }) => name);
    equal(names.includes("state"), false, names.join(" "));
  }));

Deno.test("train() that failed on a mistake in its settings, before any work, takes them mended", () =>
  withInput(async (dir) => {
    const wrong = await configOf(dir, { data: { train: `${dir}/rows.jsonl`, columns: { prompt: "nothing" } } });
    await rejects(train(wrong), /^UserError: Cannot read .*rows\.jsonl/);
    deepEqual(await listRuns(dir), [], "a run that is refused is none");
    const stop = { signal: AbortSignal.abort() };
    await rejects(train(await configOf(dir), stop), StoppedError);
    const before = await listRuns(dir);
    deepEqual(before.map(({ name, state, loss, done }) => [name, state, loss, done]), [["run", "stopped", null, 0]]);
    await train(await configOf(dir));
    await rejects(train(wrong), /^UserError: Cannot go on with the run in .*: data.columns is /);
  }));

Deno.test("train() and runGenerate() say where there was nothing left to do", () =>
  withInput(async (dir) => {
    const notes: string[] = [];
    const told = async (work: (hooks: RunHooks) => Promise<unknown>): Promise<string[]> => {
      await work({ onNote: (line) => notes.push(line) });
      return notes.splice(0).filter((line) => line.includes("complete already"));
    };
    const config = await configOf(dir, { data: { train: `${dir}/rows.jsonl`, eval: `${dir}/rows.jsonl` } });
    deepEqual(await told((hooks) => train(config, hooks)), []);
    deepEqual(await told((hooks) => train(config, hooks)), [
      `The run in ${dir}/run was complete already; nothing is trained (--force begins it anew)`,
    ]);
    deepEqual(await told((hooks) => train({ ...config, iterations: 2 }, hooks)), []);
    const alone = { ...config, output_dir: `${dir}/alone` };
    deepEqual(await told((hooks) => runGenerate(alone, hooks)), []);
    deepEqual(await told((hooks) => runGenerate(alone, hooks)), [
      `${dir}/alone/iteration-0/responses.jsonl was complete already; nothing is generated (--force generates iteration 0 anew)`,
    ]);
  }));

Deno.test("train() names an output_dir that is a file", () =>
  withInput(async (dir) => {
    await rejects(
      train(
        await configOf(dir, {
          output_dir: `${dir}/rows.jsonl`,
          labels: { judge: "human", verifier: `${dir}/rows.jsonl` },
          data: { train: "no", eval: "no" },
        }),
      ),
      /^UserError: Cannot make the run's folder .*rows\.jsonl: it is a file, expected a folder or a new name$/,
    );
  }));
