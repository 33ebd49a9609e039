/** A model on the device: loaded from, and saved to, a Hugging Face folder. @module */
import type { Device } from "../../kernels/device/device.ts";
import { type ModelFolder, openModelFolder, saveModelFolder } from "../checkpoint/model_folder.ts";
import type { Dtype } from "../dtype.ts";
import { parameterShapes } from "./families/families.ts";
import type { ModelConfig } from "./families/family.ts";
import { ParameterBuffers } from "./parameter_buffers.ts";
import { planDecoder } from "./plan_decoder.ts";

/** Weights in float32 on the device, and the folder they came from. */
export interface Model {
  readonly folder: ModelFolder;
  readonly config: ModelConfig;
  readonly weights: ParameterBuffers;
}

/** Loads the folder at `dir`. Throws a UserError naming file and tensor, or a DeviceError where the device is too small. */
export async function loadModel(device: Device, dir: string): Promise<Model> {
  const folder = await openModelFolder(dir);
  const { config } = folder;
  const layout = planDecoder(config, { maxBindingBytes: device.limits.maxStorageBufferBindingSize });
  const weights = new ParameterBuffers(device, { layout, label: "weights", part: "weights" });
  for await (const { name, first, values } of ahead(pieces(folder))) weights.writePart(name, first, values);
  await device.check();
  return { folder, config, weights };
}

async function* pieces(
  folder: ModelFolder,
): AsyncGenerator<{ name: string; first: number; values: Float32Array<ArrayBuffer> }> {
  for (const { name } of parameterShapes(folder.config)) {
    let first = 0;
    for await (const values of folder.streamTensor(name)) {
      yield { name, first, values };
      first += values.length;
    }
  }
}

/** What `source` yields, the next one asked for before the one at hand is given out: files are read meanwhile. */
async function* ahead<T>(source: AsyncGenerator<T>): AsyncGenerator<T> {
  try {
    let next = source.next();
    while (true) {
      const { value, done } = await next;
      if (done) return;
      next = source.next();
      // Told to whoever awaits it.
      next.catch(() => {});
      yield value;
    }
  } finally {
    await source.return(undefined);
  }
}

/** Saves the weights as they are on the device, with the source folder's config and tokenizer. */
export async function saveModel(dir: string, { folder, weights }: Model, dtype: Dtype): Promise<void> {
  const reader = weights.openReader(parameterShapes(folder.config).map(({ name }) => name));
  try {
    await saveModelFolder(dir, { source: folder, dtype, tensors: () => reader.next() });
  } finally {
    await reader.close();
  }
}
