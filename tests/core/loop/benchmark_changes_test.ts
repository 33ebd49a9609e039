/** Runs whose benchmarks, models or trackers change between two processes. @module */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { train } from "../../../core/loop/train_run.ts";
import { readEvents } from "../../_shared/event_file.ts";
import { configOf, MODEL, withTasks } from "./_word_tasks.ts";

/** Another model of the same shape, which sorts nothing. */
async function otherModel(dir: string): Promise<string> {
  const model = `${dir}/other`;
  await Deno.mkdir(model);
  for (const { name } of Deno.readDirSync(MODEL)) await Deno.copyFile(`${MODEL}/${name}`, `${model}/${name}`);
  const bytes = await Deno.readFile(`${model}/model.safetensors`);
  const header = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  bytes.fill(0, header);
  await Deno.writeFile(`${model}/model.safetensors`, bytes);
  return model;
}

Deno.test("train() asks the start again where only that was asked, and the config names another model now", () =>
  withTasks(async (dir) => {
    const stop = new AbortController();
    const first = train(await configOf(dir, { iterations: 1 }), {
      signal: stop.signal,
      onIteration: () => stop.abort(),
    });
    await rejects(first, /^StoppedError/);
    const other = await configOf(dir, { iterations: 1, model: await otherModel(dir) });
    await rejects(train(other), /Cannot go on with the run in .*: model is ".*other", expected ".*model" as in/);
  }));
