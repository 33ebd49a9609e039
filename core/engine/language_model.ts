/** A model on a device together with what runs it, as the engine's functions need it. @module */
import { Commands } from "../../kernels/device/commands.ts";
import type { Device } from "../../kernels/device/device.ts";
import { type Tokenizer, tokenizerOf } from "../data/tokenizer/tokenizer.ts";
import { type Dtype, type DtypeName, dtypeOfName } from "../dtype.ts";
import type { ModelFiles } from "../files/model_files.ts";
import { freeModel, loadModel, type Model, storedModelBytes, storeModel } from "../model/model.ts";

/** A model on a device, with its weights in float32; disposing of it frees their memory. */
export interface LanguageModel extends Model, Disposable {
  /** Records its work on the device. */
  readonly commands: Commands;
  /** Null if the model has no tokenizer.json: prompts and answers are token ids then. */
  readonly tokenizer: Tokenizer | null;
}

/**
 * Loads a model onto the device, from the path of a Hugging Face folder or of a GGUF file, or from a model's files
 * elsewhere. Throws a UserError naming the file and the tensor or key that is wrong, or a DeviceError if the device is
 * too small.
 *
 * @example
 * ```ts
 * import { openDevice, openModel } from "@dnpo/dnpo/engine";
 * import assert from "node:assert/strict";
 *
 * using device = await openDevice();
 * using model = await openModel(device, "examples/quickstart/model");
 * assert.equal(model.config.modelType, "llama");
 * ```
 */
export async function openModel(device: Device, source: string | ModelFiles): Promise<LanguageModel> {
  const model = await loadModel(device, source);
  const tokenizer = await tokenizerOf(model.folder.files).catch((error) => {
    freeModel(model);
    throw error;
  });
  const held = new DisposableStack();
  const commands = held.use(new Commands(device));
  held.defer(() => freeModel(model));
  return { ...model, commands, tokenizer, [Symbol.dispose]: () => held.dispose() };
}

/** How a model is saved. */
export interface SaveModelOptions {
  /** Storage type of the weights (default: the source's). */
  dtype?: DtypeName;
}

/**
 * Saves the model as it is on the device into the folder `dir`, which transformers loads; a model that lies there is
 * replaced. Throws a UserError if the folder holds anything else, or a weight overflows float16.
 *
 * @example
 * ```ts
 * import { openDevice, openModel, saveModel } from "@dnpo/dnpo/engine";
 * import assert from "node:assert/strict";
 *
 * using device = await openDevice();
 * using model = await openModel(device, "examples/quickstart/model");
 * const dir = await Deno.makeTempDir();
 * await saveModel(model, `${dir}/copy`, { dtype: "bfloat16" });
 * using copy = await openModel(device, `${dir}/copy`);
 * assert.equal(copy.folder.dtype, "BF16");
 * ```
 */
export async function saveModel(model: LanguageModel, dir: string, options: SaveModelOptions = {}): Promise<void> {
  await storeModel(dir, model, { dtype: storageOf(model, options) });
}

/**
 * As {@linkcode saveModel}, but returns the files' bytes by name, as `memoryFiles` takes them. Throws a UserError if a
 * weight overflows float16.
 *
 * @example
 * ```ts
 * import { memoryFiles, modelBytes, openDevice, openModel } from "@dnpo/dnpo/engine";
 * import assert from "node:assert/strict";
 *
 * using device = await openDevice();
 * using model = await openModel(device, "examples/quickstart/model");
 * using copy = await openModel(device, memoryFiles(await modelBytes(model)));
 * assert.deepEqual(copy.config, model.config);
 * ```
 */
export async function modelBytes(
  model: LanguageModel,
  options: SaveModelOptions = {},
): Promise<Record<string, Uint8Array<ArrayBuffer>>> {
  return await storedModelBytes(model, storageOf(model, options));
}

function storageOf({ folder }: LanguageModel, { dtype }: SaveModelOptions): Dtype {
  return dtypeOfName(dtype) ?? folder.dtype;
}
