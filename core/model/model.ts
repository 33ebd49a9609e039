/** A model on the device: loaded from, and saved to, a Hugging Face folder. @module */
import type { Device } from "../../kernels/device/device.ts";
import { filesWithBase } from "../checkpoint/adapted_files.ts";
import { openAdapterFolder } from "../checkpoint/adapter_folder.ts";
import { type ModelFolder, openModelFolder } from "../checkpoint/model_folder.ts";
import { RoundingMeter } from "../checkpoint/rounding_meter.ts";
import { newModelFiles, type SaveOptions, saveWatched } from "../checkpoint/save_folder.ts";
import type { Dtype } from "../dtype.ts";
import type { ModelFiles } from "../files/model_files.ts";
import type { FolderWatch } from "../files/replace_folder.ts";
import { parameterShapes } from "./families/families.ts";
import type { ModelConfig } from "./families/family.ts";
import { loadAdapter, type LoadedAdapter } from "./lora_adapter.ts";
import { ParameterBuffers } from "./parameter_buffers.ts";
import { layoutLimits, planDecoder } from "./plan_decoder.ts";

/** Weights in float32 on the device, and the folder they came from. */
export interface Model {
  /** The folder that it came from. */
  readonly folder: ModelFolder;
  /** What the decoder is built from. */
  readonly config: ModelConfig;
  /** The weights, f32. */
  readonly weights: ParameterBuffers;
  /** Adapters that are added to the weights; null if there are none. */
  readonly adapter: LoadedAdapter | null;
}

/**
 * Loads a model from the path of its folder, or from its files; of a PEFT folder, the base with the adapter beside it. Throws a UserError naming file and tensor, or a
 * DeviceError if the device is too small.
 */
export async function loadModel(device: Device, source: string | ModelFiles): Promise<Model> {
  const files = typeof source === "string" ? await filesWithBase(source) : source;
  const folder = await openModelFolder(files);
  const { config } = folder;
  const layout = planDecoder(config, layoutLimits(device, config));
  const weights = new ParameterBuffers(device, { layout, label: "weights", part: "weights" });
  let adapter: LoadedAdapter | null = null;
  try {
    if (files.adapter) adapter = await loadAdapter(device, config, await openAdapterFolder(files.adapter));
    for await (const { name, first, values } of ahead(pieces(folder))) weights.writePart(name, first, values);
    await device.check();
  } catch (error) {
    weights.free();
    adapter?.values.free();
    throw error;
  }
  return { folder, config, weights, adapter };
}

/** Frees the weights and the adapters of a model. */
export function freeModel({ weights, adapter }: Pick<Model, "weights" | "adapter">): void {
  weights.free();
  adapter?.values.free();
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

/** Yields what `source` yields, but requests each value before it yields the one before: files are read meanwhile. */
async function* ahead<T>(source: AsyncGenerator<T>): AsyncGenerator<T> {
  try {
    let next = source.next();
    while (true) {
      const { value, done } = await next;
      if (done) return;
      next = source.next();
      // Until the next turn awaits it, an error must not count as unhandled.
      next.catch(() => {});
      yield value;
    }
  } finally {
    await source.return(undefined);
  }
}

/**
 * Saves the weights as they are on the device, with the source folder's config and tokenizer. Returns the share of the
 * change since the weights of `before` that rounding takes; null for float32, or without `before`. `watch` follows the
 * files as they are written.
 */
export async function storeModel(
  dir: string,
  model: Model,
  { dtype, before, watch }: { dtype: Dtype; before?: ModelFolder; watch?: FolderWatch },
): Promise<number | null> {
  const meter = before === undefined || dtype === "F32" ? null : new RoundingMeter(before, dtype);
  await withTensors(model, dtype, ({ tensors, ...options }) => {
    const measured = (name: string) => meter === null ? tensors(name) : meter.measure(name, tensors(name));
    return saveWatched(dir, { ...options, tensors: measured }, watch);
  });
  return meter?.share ?? null;
}

/** The files that {@linkcode storeModel} writes, as bytes. */
export async function storedModelBytes(model: Model, dtype: Dtype): Promise<Record<string, Uint8Array<ArrayBuffer>>> {
  const files: Record<string, Uint8Array<ArrayBuffer>> = {};
  await withTensors(model, dtype, async (options) => {
    for await (const { name, bytes } of newModelFiles(options)) {
      const pieces: Uint8Array<ArrayBuffer>[] = [];
      // A piece is valid only until the one after the next is requested, so each is copied.
      for await (const piece of bytes()) pieces.push(Uint8Array.from(piece));
      files[name] = new Uint8Array(await new Blob(pieces).arrayBuffer());
    }
  });
  return files;
}

interface DeviceTensors extends SaveOptions {
  tensors: (name: string) => AsyncIterable<Float32Array>;
}

async function withTensors(
  { folder, weights }: Model,
  dtype: Dtype,
  save: (options: DeviceTensors) => Promise<void>,
): Promise<void> {
  const reader = weights.openReader(parameterShapes(folder.config).map(({ name }) => name));
  try {
    await save({ source: folder, dtype, tensors: () => reader.next() });
  } finally {
    await reader.close();
  }
}
