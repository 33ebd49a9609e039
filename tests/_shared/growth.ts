/** Long work on the device, watched: what it takes must be the same from the warm-up on. @module */
import { deepEqual, equal } from "node:assert/strict";
import { folderDigests } from "../../core/checkpoint/folder_identity.ts";
import { LineLog } from "../../core/files/json_lines.ts";
import { generate } from "../../core/generate/generate.ts";
import { loadModel } from "../../core/model/model.ts";
import { parametersOf } from "../../core/model/parameters.ts";
import { optimize } from "../../core/train/optimize.ts";
import { pairRows } from "../../core/train/training_rows.ts";
import type { Commands } from "../../kernels/device/commands.ts";
import { pairIds, settingsOf } from "../core/_tiny.ts";
import { commands, device } from "./device.ts";

/** What a process and its device hold at a moment. */
interface Held {
  bytes: number;
  buffers: number;
  bindGroups: number;
}

/** Watches what the device holds, and the process's memory, while `done` goes up to `total`. */
class GrowthWatch {
  readonly #commands: Commands;
  readonly #warm: number;
  #held: Held | undefined;
  readonly #rss: { done: number; bytes: number }[] = [];

  /** `warm`: how much of the work makes everything that is made once. */
  constructor(commands: Commands, { warm }: { warm: number }) {
    this.#commands = commands;
    this.#warm = warm;
  }

  /** Throws where the device holds other buffers or bind groups than after the warm-up. */
  look(done: number): void {
    if (done < this.#warm) return;
    const { device, bindGroupCount } = this.#commands;
    const held = { bytes: device.bytes, buffers: device.bufferCount, bindGroups: bindGroupCount };
    this.#held ??= held;
    deepEqual(held, this.#held, `after ${done}`);
    this.#rss.push({ done, bytes: Deno.memoryUsage().rss });
  }

  /** Throws where nothing was watched, or the memory of the last third is above the second's by more than `mostBytes`. */
  assertFlat(mostBytes: number): string {
    const third = Math.floor(this.#rss.length / 3);
    equal(third > 0, true, "there was something to watch");
    const peak = (from: number, to: number): number => Math.max(...this.#rss.slice(from, to).map(({ bytes }) => bytes));
    const [before, after] = [peak(third, 2 * third), peak(2 * third, 3 * third)];
    const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
    const line = `device ${JSON.stringify(this.#held)}; memory ${mib(before)}, then ${mib(after)}`;
    equal(after - before <= mostBytes, true, line);
    return line;
  }
}

/** Takes optimizer steps on a tiny model with noise; throws where anything grows. Returns what was held. */
export async function watchTraining(
  dir: string,
  { steps, warm, mostBytes }: { steps: number; warm: number; mostBytes: number },
): Promise<string> {
  const watch = new GrowthWatch(commands, { warm });
  const settings = await settingsOf({
    noise: { update: "joint" },
    training: { per_device_train_batch_size: 3, max_steps: steps, shuffle: true, logging_steps: 3, save_steps: 7 },
  });
  const model = await loadModel(device, `${dir}/model`);
  const reference = await loadModel(device, `${dir}/model`);
  const { free } = await optimize({
    commands,
    model,
    reference: parametersOf(reference.weights),
    data: pairRows(pairIds(20)),
    settings,
    files: await folderDigests(model.folder),
    referencePath: `${dir}/reference_logps.safetensors`,
    stateDir: `${dir}/state`,
    openLog: () => LineLog.open(`${dir}/metrics.jsonl`, () => true),
    onProgress: ({ stage, done }) => stage === "optimize" ? watch.look(done) : undefined,
  });
  free();
  model.weights.free();
  reference.weights.free();
  return watch.assertFlat(mostBytes);
}

/** Generates rows of different lengths with a tiny model; throws where anything grows. Returns what was held. */
export async function watchGeneration(
  dir: string,
  { rows, warm, mostBytes }: { rows: number; warm: number; mostBytes: number },
): Promise<string> {
  const watch = new GrowthWatch(commands, { warm });
  const { generation } = await settingsOf({ generation: { batch_size: 32 } });
  const model = await loadModel(device, `${dir}/model`);
  const prompts = pairIds(rows).map(({ promptIds }, row) => ({ row, promptIds, maxNewTokens: 1 + row % 9 }));
  const sampling = { prompts, settings: generation, iteration: 0, eosIds: model.folder.eosTokenIds };
  let done = 0;
  for await (const _ of generate(commands, model, sampling)) watch.look(++done);
  model.weights.free();
  return watch.assertFlat(mostBytes);
}
