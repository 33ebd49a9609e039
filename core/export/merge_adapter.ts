/** Merges adapters into models, as folders that need no adapter. @module */
import { RoundingMeter } from "../checkpoint/rounding_meter.ts";
import { saveModelFolder } from "../checkpoint/save_folder.ts";
import { DTYPE_BYTES, type DtypeName, dtypeOfName, nameOfDtype } from "../dtype.ts";
import { UserError } from "../error.ts";
import { refuseExisting } from "../files/existing_output.ts";
import { parameterShapes } from "../model/families/families.ts";
import { elementsOf } from "../model/families/model_tensors.ts";
import { noteRounding } from "../run/rounding_note.ts";
import { adapterFolderOf, openExported, type SourceHooks } from "./model_source.ts";

/** What is merged, and how it is saved. */
export interface MergeOptions extends SourceHooks {
  /** A PEFT folder, a run's folder with one in `adapter/`, or an adapter's name on the hub. */
  adapter: string;
  /** The folder that is written. */
  output: string;
  /** The model that the adapter is added to (default: the one that it names): a folder, a run's, or `org/name`. */
  base?: string;
  /** Storage type (default: the base's). */
  dtype?: DtypeName;
  /** Whether a model at `output` is replaced (default false). */
  force?: boolean;
}

/** What was written. */
export interface MergeReport {
  /** Path of the base's folder. */
  base: string;
  /** Storage type of the weights. */
  dtype: DtypeName;
  /** How many numbers the model has. */
  parameters: number;
}

/**
 * Merges an adapter into its base, W + s·B·A, and writes a model folder: weights, config, tokenizer and chat template.
 * `onNote` gets the share of the adapter's change that a storage type of 16 bits takes. Needs no device, and the memory
 * of a few matrices. Throws a UserError.
 *
 * @example
 * ```ts
 * import { loadConfig, mergeAdapterFolder, runSft } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * // An adapter of one step, which names the quick start's model as its base.
 * const dir = await Deno.makeTempDir();
 * const set = [`output_dir=${dir}/run`, "lora.save=adapter", "data.limit=16", "training.max_steps=1"];
 * await runSft(await loadConfig("examples/quickstart/config.yaml", { set }));
 * const { dtype } = await mergeAdapterFolder({ adapter: `${dir}/run`, output: `${dir}/merged` });
 * assert.equal(dtype, "float32");
 * assert.ok(await Deno.stat(`${dir}/merged/model.safetensors`));
 * ```
 */
export async function mergeAdapterFolder(options: MergeOptions): Promise<MergeReport> {
  const { adapter, output, force = false, onProgress = () => {}, onNote = () => {} } = options;
  await refuseExisting(output, { action: `Cannot merge ${adapter} into ${output}`, force });
  const { folder, base } = await openExported(await adapterFolderOf(adapter, options), options);
  if (base === null) throw new UserError(`Cannot merge ${adapter}: it is a model, expected an adapter`);
  const dtype = options.dtype === undefined ? folder.dtype : dtypeOfName(options.dtype)!;
  const meter = dtype === "F32" ? null : new RoundingMeter(base.folder, dtype);
  const parameters = parameterShapes(folder.config).reduce((sum, shape) => sum + elementsOf(shape), 0);
  const progress = { stage: "merge", total: parameters * DTYPE_BYTES[dtype], unit: "bytes" } as const;
  let done = 0;
  await saveModelFolder(output, {
    source: folder,
    dtype,
    async *tensors(name) {
      const pieces = folder.streamTensor(name);
      for await (const values of meter === null ? pieces : meter.measure(name, pieces)) {
        yield values;
        onProgress({ ...progress, done: done += values.length * DTYPE_BYTES[dtype] });
      }
    },
  });
  noteRounding({ onNote }, { lost: meter?.share ?? null, dtype });
  return { base: base.dir, dtype: nameOfDtype(dtype), parameters };
}
