/** A model on the device: loaded from, and saved to, a Hugging Face folder. @module */
import type { Device } from "../../kernels/device/device.ts";
import type { Dtype } from "../checkpoint/dtype.ts";
import { type ModelFolder, openModelFolder, saveModelFolder } from "../checkpoint/folder.ts";
import { ParameterBuffers } from "../tensor/parameters.ts";
import { type ModelConfig, parameterShapes } from "./config.ts";
import { planDecoder } from "./names.ts";

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
  const layout = planDecoder(config, device.limits.maxStorageBufferBindingSize);
  const weights = new ParameterBuffers(device, { layout, label: "weights" });
  for (const { name } of parameterShapes(config)) weights.write(name, await folder.readTensor(name));
  await device.check();
  return { folder, config, weights };
}

/** Saves the weights as they are on the device, with the source folder's config and tokenizer. One fence. */
export async function saveModel(dir: string, { folder, weights }: Model, dtype: Dtype): Promise<void> {
  const read = await weights.download();
  await saveModelFolder(dir, { source: folder, dtype, tensors: (name) => Promise.resolve(read(name)) });
}
