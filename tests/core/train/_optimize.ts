/** Optimize stages on the tiny model, which begin with its saved weights each time. @module */
import { folderDigests } from "../../../core/checkpoint/folder_identity.ts";
import { StoppedError } from "../../../core/error.ts";
import { LineLog } from "../../../core/files/json_lines.ts";
import { loadModel, type Model } from "../../../core/model/model.ts";
import type { ExampleIds, PairIds } from "../../../core/model/pack.ts";
import { parametersOf } from "../../../core/model/parameters.ts";
import { optimize, type OptimizeResult } from "../../../core/train/optimize.ts";
import { exampleRows, pairRows, type TrainingRows } from "../../../core/train/training_rows.ts";
import { commands, device } from "../../_shared/device.ts";
import { type Logged, readJsonLines } from "../../_shared/trajectory.ts";
import { pairIds, settingsOf } from "../_tiny.ts";

/** What a stage did. */
export interface Ran {
  lines: Logged[];
  result: Omit<OptimizeResult, "free">;
  /** The policy's weights, chunk by chunk. */
  weights: Float32Array[];
  /** The noise generator's. */
  noise: Float32Array[];
}

/** What {@linkcode run} trains on, and how. */
export interface RunOptions {
  training?: Record<string, unknown>;
  noise?: unknown;
  data?: TrainingRows;
  signal?: AbortSignal;
  /** Names the stage's files: the same name goes on where it stopped. */
  name?: string;
  /** Told of every step. */
  onStep?: (done: number) => void;
  onNote?: (line: string) => void;
}

let runs = 0;

/** None where the stage was stopped before the first. */
async function loggedLines(path: string): Promise<Logged[]> {
  try {
    return await readJsonLines(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function chosenOf(pairs: readonly PairIds[]): ExampleIds[] {
  return pairs.map(({ chosenIds, rejectedIds: _, ...pair }) => ({ ...pair, responseIds: chosenIds }));
}

/** Runs one stage on the model in DIR/model with 8 pairs, 4 steps of 8 rows, no noise, where nothing else is said. */
export async function run(
  dir: string,
  { training = {}, noise = "none", name = `run-${runs++}`, onStep = () => {}, onNote, signal, ...given }: RunOptions =
    {},
): Promise<Ran> {
  const isSft = training.loss_type === "sft";
  const settings = await settingsOf({
    noise,
    ...(isSft && { method: "sft" }),
    training: { per_device_train_batch_size: 8, learning_rate: 1e-3, max_steps: 4, ...training },
  });
  const model: Model = await loadModel(device, `${dir}/model`);
  const reference = settings.noise === "none" ? null : (await loadModel(device, `${dir}/model`)).weights;
  const path = `${dir}/${name}.jsonl`;
  try {
    const { free, ...result } = await optimize({
      commands,
      model,
      reference: reference && parametersOf(reference),
      data: given.data ?? (isSft ? exampleRows(chosenOf(pairIds(8))) : pairRows(pairIds(8))),
      settings,
      files: await folderDigests(model.folder),
      referencePath: `${dir}/${name}-reference_logps.safetensors`,
      stateDir: `${dir}/${name}`,
      openLog: (step) => LineLog.open(path, (line) => Number(line.step) <= step),
      onProgress: ({ stage, done }) => stage === "optimize" ? onStep(done) : undefined,
      ...(signal && { signal }),
      ...(onNote && { onNote }),
    });
    const read = async (chunks: OptimizeResult["noise"]): Promise<Float32Array[]> =>
      chunks ? (await device.readAll(chunks.chunks)).map((bytes) => new Float32Array(bytes)) : [];
    const weights = await read(model.weights);
    const noiseValues = await read(result.noise);
    free();
    return { lines: await loggedLines(path), result, weights, noise: noiseValues };
  } finally {
    model.weights.free();
    reference?.free();
  }
}

/** The step after which a stage was stopped, as its error says; throws where it was not. */
export async function stoppedAt(work: Promise<unknown>): Promise<number> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof StoppedError)) throw error;
    return Number(/after step (\d+) of/.exec(error.message)![1]);
  }
  throw new Error("The stage was not stopped");
}
