/** Memory that runs out and a device that is lost, for real: one line that says what to change, and the run goes on. @module */
import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { forIteration } from "../../../core/config/config.ts";
import { StoppedError } from "../../../core/error.ts";
import { runStage } from "../../../core/loop/run_stage.ts";
import { train } from "../../../core/loop/train_run.ts";
import type { RunContext } from "../../../core/run/run_context.ts";
import { NO_TELEMETRY } from "../../../core/run/telemetry.ts";
import { openAdapter } from "../../../kernels/device/adapter.ts";
import { DeviceError } from "../../../kernels/device/device_error.ts";
import { device } from "../../_shared/device.ts";
import { apart } from "../../_shared/one_device.ts";
import { jsonLines, writeTinyModel } from "../../_shared/tiny_model.ts";
import { configOf, withInput } from "./_runs.ts";

/** Runs `work` as a stage of a run in DIR/run. */
async function stageOf<T>(
  stage: Parameters<typeof runStage>[1]["stage"],
  work: () => Promise<T>,
  training: Record<string, unknown> = {},
): Promise<T> {
  const config = await configOf("/somewhere", { training });
  const onStageEnd = (): Promise<void> => Promise.resolve();
  const context = { config, telemetry: NO_TELEMETRY, onStageEnd } as RunContext;
  return await runStage(context, { stage, settings: forIteration(config, 0) }, work);
}

Deno.test("runStage() names a lost device, the stage, what stays and what needs less", async () => {
  const lost = await apart(openAdapter);
  const work = async (): Promise<void> => {
    const slice = lost.alloc(64, "x");
    lost.gpu.destroy();
    await lost.read(slice);
  };
  await rejects(
    stageOf("optimize", work),
    /^DeviceError: Cannot go on with optimize of iteration 0: the GPU device was lost: device was lost \(its driver resets it where [^\n]+\); what is saved in \/somewhere\/run stays, and the same command goes on from there; training\.per_device_train_batch_size below 32, with gradient_accumulation_steps above 1 to match, needs less$/,
  );
});

Deno.test("runStage() names an allocation that the process or the device cannot make, and leaves other errors alone", async () => {
  await rejects(
    stageOf("generate", () => Promise.resolve(new ArrayBuffer(2 ** 52))),
    /^DeviceError: Cannot go on with generate of iteration 0: the process is out of memory \(Array buffer allocation failed\); .* generation\.batch_size below 4 needs less$/,
  );
  await rejects(
    // deno-lint-ignore require-await
    stageOf("label", async () => device.alloc(device.limits.maxBufferSize + 4, "huge")),
    /^DeviceError: Cannot go on with label of iteration 0: cannot allocate "huge": size is \d+ bytes, the device's largest buffer is \d+; .* data\.max_length below 1024, in another output_dir, needs less$/,
  );
  const huge = (): Promise<void> => Promise.reject(new DeviceError("Cannot allocate", "memory"));
  await rejects(stageOf("optimize", huge), /from there; training\.gradient_checkpointing=true needs less$/);
  await rejects(
    stageOf("optimize", huge, { gradient_checkpointing: 2 }),
    /from there; training\.per_device_train_batch_size below 32, with .* needs less$/,
  );
  for (const error of [new RangeError("Invalid index"), new Error("no"), "text"]) {
    await rejects(stageOf("label", () => Promise.reject(error)), (thrown) => thrown === error);
  }
});

/** What a child may map, in KiB: Deno itself needs some 50 GB of addresses to start. */
const LIMIT_KIB = 56_000_000;

Deno.test({
  name: "runSft() that the device has no memory for says what was asked, what is in use, and what to change",
  // A GPU's driver maps what it likes; on lavapipe, which CI has, device memory is the process's own.
  ignore: Deno.build.os !== "linux" || device.family !== "cpu",
  fn: () =>
    withInput(async (dir) => {
      // Some 5 GB of activations, in buffers that fit a binding.
      await writeTinyModel(`${dir}/deep`, { config: { num_hidden_layers: 32, intermediate_size: 128 } });
      const long = (id: number): number[] => new Array(2000).fill(id);
      const row = { prompt_ids: long(3), response_ids: long(4) };
      await Deno.writeTextFile(`${dir}/long.jsonl`, jsonLines(new Array(10).fill(row)));
      const config = await configOf(dir, {
        model: `${dir}/deep`,
        data: { train: `${dir}/long.jsonl`, max_length: 4000 },
        training: { per_device_train_batch_size: 10 },
      });
      await Deno.writeTextFile(`${dir}/config.json`, JSON.stringify(config));
      const url = (path: string): string => new URL(`../../../${path}`, import.meta.url).href;
      // Buffers that nothing is written to use up addresses, and no memory.
      const source = `
        import { openAdapter } from "${url("kernels/device/adapter.ts")}";
        import { runSft } from "${url("core/loop/single_stages.ts")}";
        const other = await openAdapter();
        const hoard = [];
        for (let full = false; !full;) {
          hoard.push(other.alloc(2 ** 29, "hoard"));
          await other.check().catch(() => full = true);
        }
        for (let i = 0; i < 4; i++) other.free(hoard.pop());
        await other.sync();
        try {
          await runSft(JSON.parse(await Deno.readTextFile("${dir}/config.json")));
        } catch (error) {
          console.log(error.name + ": " + error.message);
        }`;
      await Deno.writeTextFile(`${dir}/main.ts`, source);
      const repository = fileURLToPath(new URL("../../../deno.json", import.meta.url));
      const { stdout, stderr } = await new Deno.Command("bash", {
        args: ["-c", `ulimit -v ${LIMIT_KIB}; exec "$@"`, "bash", Deno.execPath(), "run", "--quiet", "--no-check"]
          .concat(
            [`--config=${repository}`, "--allow-read", "--allow-write", `${dir}/main.ts`],
          ),
        env: { NO_COLOR: "1", RUST_BACKTRACE: "0" },
      }).output();
      match(
        new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr),
        /^DeviceError: Cannot go on with optimize of iteration 0: cannot allocate "[^"]+": the device is out of memory, \d+ MiB asked with \d+ MiB in use; what is saved in \S+\/run stays, and the same command goes on from there; training\.gradient_checkpointing=true needs less$/m,
      );
    }),
});

Deno.test("train() goes on with smaller micro-batches to the same numbers, but not with other batches", () =>
  withInput(async (dir) => {
    const of = (size: number, name: string, steps = 10 / size): ReturnType<typeof configOf> =>
      configOf(dir, {
        output_dir: `${dir}/${name}`,
        training: { per_device_train_batch_size: size, gradient_accumulation_steps: steps },
      });
    await train(await of(10, "whole"));
    const stop = new AbortController();
    const onProgress = ({ stage, done }: { stage: string; done: number }): void =>
      stage === "optimize" && done === 1 ? stop.abort() : undefined;
    await rejects(train(await of(10, "run"), { onProgress, signal: stop.signal }), StoppedError);
    await rejects(
      train(await of(5, "run", 1)),
      /training\.per_device_train_batch_size \* gradient_accumulation_steps is 5, expected 10 as in/,
    );
    await train(await of(5, "run"));
    const losses = async (name: string): Promise<string[]> =>
      (await Deno.readTextFile(`${dir}/${name}/metrics.jsonl`)).match(/"loss":[\d.]{6}/g)!;
    deepEqual(await losses("run"), await losses("whole"));
    equal((await losses("run")).length, 2);
  }));
