/** A model on the device: loaded from, and saved to, a Hugging Face folder. @module */
import type { Device } from "../../kernels/device/device.ts";
import type { QuantizedStorage } from "../../kernels/storage/storage.ts";
import { filesWithBase } from "../checkpoint/adapted_files.ts";
import { openAdapterFolder } from "../checkpoint/adapter_folder.ts";
import { type ModelFolder, openModelFolder } from "../checkpoint/model_folder.ts";
import { RoundingMeter } from "../checkpoint/rounding_meter.ts";
import { newModelFiles, type SaveOptions, saveWatched } from "../checkpoint/save_folder.ts";
import { PIECE_BYTES } from "../checkpoint/stored_weights.ts";
import type { SharedModel } from "../cluster/shared_model.ts";
import type { Dtype } from "../dtype.ts";
import type { ModelFiles } from "../files/model_files.ts";
import { PieceBuffers } from "../files/piece_buffers.ts";
import type { FolderWatch } from "../files/replace_folder.ts";
import { parameterShapes } from "./families/families.ts";
import type { ModelConfig } from "./families/family.ts";
import { loadFrozen } from "./load_frozen.ts";
import { loadAdapter, type LoadedAdapter } from "./lora_adapter.ts";
import type { MemoryPart } from "./memory_parts.ts";
import type { ModelWeights } from "./model_weights.ts";
import { ParameterBuffers } from "./parameter_buffers.ts";
import { layoutLimits, planDecoder } from "./plan_decoder.ts";
import { ahead } from "./tensor_pieces.ts";
import { checkTrainable } from "./trainable_weights.ts";

/** Weights on the device, in float32 unless `Weights` says otherwise, and the folder they came from. */
export interface Model<Weights extends ModelWeights = ParameterBuffers> {
  /** The folder that it came from. */
  readonly folder: ModelFolder;
  /** What the decoder is built from. */
  readonly config: ModelConfig;
  /** The weights. */
  readonly weights: Weights;
  /** Adapters that are added to the weights; null if there are none. */
  readonly adapter: LoadedAdapter | null;
  /**
   * The other ranks that work with it too; absent if there are none.
   *
   * @ignore
   */
  readonly shared?: SharedModel;
}

/** A model whose weights are trained or frozen, stored in any way. */
export type AnyModel = Model<ModelWeights>;

/**
 * Loads a model in float32 from the path of its folder, or from its files; of a PEFT folder, the base with the adapter
 * beside it. With `isTrained` (default false) all of its weights will be trained. Throws a UserError naming file and
 * tensor, or that the weights cannot be trained; a DeviceError if the device is too small.
 */
export async function loadModel(
  device: Device,
  source: string | ModelFiles,
  { isTrained = false }: { isTrained?: boolean } = {},
): Promise<Model> {
  return await load(device, source, async ({ folder, config }) => {
    if (isTrained) checkTrainable(folder);
    const layout = planDecoder(config, layoutLimits(device, config));
    const weights = new ParameterBuffers(device, { layout, label: "weights", part: "weights" });
    try {
      for await (const { name, first, values } of ahead(pieces(folder))) weights.writePart(name, first, values);
      await device.check();
    } catch (error) {
      weights.free();
      throw error;
    }
    return weights;
  });
}

/** How a frozen model is held. */
export interface FrozenModelOptions {
  /** Quantizes the linear layers but the LM head (default "none": they stay as the files have them). */
  quantization?: QuantizedStorage | "none";
  /** The part of the memory that it counts to (default "weights"). */
  part?: MemoryPart;
}

/**
 * As {@linkcode loadModel}, for a model whose weights are not trained: its numbers are those of float32, or of the
 * quantized matrices, but they are stored as the files have them.
 */
export async function loadFrozenModel(
  device: Device,
  source: string | ModelFiles,
  { quantization = "none", part = "weights" }: FrozenModelOptions = {},
): Promise<AnyModel> {
  return await load(
    device,
    source,
    ({ folder, config }) => loadFrozen(device, { config, source: folder, quantization, label: "weights", part }),
  );
}

async function load<Weights extends ModelWeights>(
  device: Device,
  source: string | ModelFiles,
  loadWeights: (model: Pick<Model, "folder" | "config">) => Promise<Weights>,
): Promise<Model<Weights>> {
  const files = typeof source === "string" ? await filesWithBase(source) : source;
  const folder = await openModelFolder(files);
  const { config } = folder;
  const adapter = files.adapter ? await loadAdapter(device, config, await openAdapterFolder(files.adapter)) : null;
  try {
    return { folder, config, weights: await loadWeights({ folder, config }), adapter };
  } catch (error) {
    adapter?.values.free();
    throw error;
  }
}

/** Frees the weights and the adapters of a model. */
export function freeModel({ weights, adapter }: Pick<AnyModel, "weights" | "adapter">): void {
  weights.free();
  adapter?.values.free();
}

async function* pieces(
  folder: ModelFolder,
): AsyncGenerator<{ name: string; first: number; values: Float32Array<ArrayBuffer> }> {
  const buffers = new PieceBuffers(PIECE_BYTES);
  for (const { name } of parameterShapes(folder.config)) {
    let first = 0;
    for await (const values of folder.streamTensor(name, buffers)) {
      yield { name, first, values };
      first += values.length;
    }
  }
}

/** What is saved of a model: any reader of its tensors. */
export interface StoredModel {
  folder: ModelFolder;
  weights: Pick<ModelWeights, "openReader">;
}

/**
 * Saves the weights as they are on the device, with the source folder's config and tokenizer. Returns the share of the
 * change since the weights of `before` that rounding takes; null for float32, or without `before`. `watch` follows the
 * files as they are written.
 */
export async function storeModel(
  dir: string,
  model: StoredModel,
  { dtype, before, watch }: { dtype: Dtype; before?: Pick<ModelFolder, "streamTensor">; watch?: FolderWatch },
): Promise<number | null> {
  const meter = before === undefined || dtype === "F32" ? null : new RoundingMeter(before, dtype);
  await withTensors(model, dtype, ({ tensors, ...options }) => {
    const measured = (name: string) => meter === null ? tensors(name) : meter.measure(name, tensors(name));
    return saveWatched(dir, { ...options, tensors: measured }, watch);
  });
  return meter?.share ?? null;
}

/** The files that {@linkcode storeModel} writes, as bytes. */
export async function storedModelBytes(
  model: StoredModel,
  dtype: Dtype,
): Promise<Record<string, Uint8Array<ArrayBuffer>>> {
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
  { folder, weights }: StoredModel,
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
