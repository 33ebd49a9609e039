import { deepEqual, equal, rejects } from "node:assert/strict";
import { LineLog } from "../../../core/files/json_lines.ts";
import { generate } from "../../../core/generate/generate.ts";
import { loadModel } from "../../../core/model/model.ts";
import { optimize } from "../../../core/train/optimize.ts";
import { pairRows } from "../../../core/train/training_rows.ts";
import { openAdapter } from "../../../kernels/device/adapter.ts";
import { Commands } from "../../../kernels/device/commands.ts";
import type { Device } from "../../../kernels/device/device.ts";
import { pairIds, settingsOf, withTinyModel } from "../_tiny.ts";

/** Trains in DIR/NAME on a device of its own; returns the weights' bytes. */
async function train(
  { dir, name, onStep }: { dir: string; name: string; onStep: (done: number, device: Device) => void },
): Promise<ArrayBuffer[]> {
  const device = await openAdapter();
  try {
    const model = await loadModel(device, `${dir}/model`);
    const options = {
      commands: new Commands(device),
      model,
      reference: null,
      referencePath: `${dir}/${name}-reference_logps.safetensors`,
      data: pairRows(pairIds(8)),
      settings: await settingsOf({
        noise: "none",
        training: { max_steps: 12, per_device_train_batch_size: 2, save_steps: 2 },
      }),
      files: {},
      stateDir: `${dir}/${name}`,
      openLog: (step: number) => LineLog.open(`${dir}/${name}.jsonl`, (line) => Number(line.step) <= step),
      onProgress: ({ stage, done }: { stage: string; done: number }) => {
        if (stage === "optimize") onStep(done, device);
      },
    };
    await optimize(options);
    return await device.readAll(model.weights.chunks);
  } finally {
    device.destroy();
  }
}

Deno.test("optimize() on a device that is lost ends with a DeviceError of one line, and goes on from the last state", () =>
  withTinyModel(async ({ dir }) => {
    const whole = await train({ dir, name: "whole", onStep: () => {} });
    const lose = (done: number, device: Device): void => done === 7 ? device.gpu.destroy() : undefined;
    await rejects(train({ dir, name: "lost", onStep: lose }), /^DeviceError: The GPU device was lost: [^\n]+$/);
    const steps: number[] = [];
    const rest = await train({ dir, name: "lost", onStep: (done) => steps.push(done) });
    equal(steps[0], 6);
    deepEqual(rest, whole);
    deepEqual(await Deno.readTextFile(`${dir}/lost.jsonl`), await Deno.readTextFile(`${dir}/whole.jsonl`));
  }));

Deno.test("generate() on a device that is lost ends with a DeviceError of one line", () =>
  withTinyModel(async ({ dir }) => {
    const device = await openAdapter();
    const model = await loadModel(device, `${dir}/model`);
    const { generation } = await settingsOf({ generation: { batch_size: 2 } });
    const prompts = pairIds(8).map(({ promptIds }, row) => ({ row, promptIds, maxNewTokens: 20 }));
    const sampling = { prompts, settings: generation, iteration: 0, eosIds: model.folder.eosTokenIds };
    let rows = 0;
    const all = async (): Promise<void> => {
      for await (const _ of generate(new Commands(device), model, sampling)) if (++rows === 2) device.gpu.destroy();
    };
    await rejects(all(), /^DeviceError: The GPU device was lost: [^\n]+$/);
    equal(rows < 8, true);
  }));
