/** Every text of the kernels in every variant, found without a GPU: all operations, recorded on stand-in devices. @module */
import { Commands } from "../../kernels/device/commands.ts";
import { recordAttention } from "./attention_calls.ts";
import { recordProducts } from "./product_calls.ts";
import { recordRows } from "./row_calls.ts";
import { type Compiler, DEVICE_KINDS, type PipelineText, standInDevice } from "./stand_in_device.ts";

/** Large enough for every call. */
const SLICE_BYTES = 2 ** 26;

/**
 * The pipelines of all kernels, each text with its constants once. Unless `thorough`, a part of them: each choice that a
 * text is made of, but not with each other.
 */
export async function kernelTexts(compiler: Compiler, { thorough = false } = {}): Promise<PipelineText[]> {
  const found = new Map<string, PipelineText>();
  const take = (pipeline: PipelineText): void => {
    const key = JSON.stringify([pipeline.constants, pipeline.entries, pipeline.code]);
    if (!found.has(key)) found.set(key, pipeline);
  };
  // What small devices ask for has to fit them.
  for (const kind of DEVICE_KINDS.toSorted((a, b) => Number(b.small ?? false) - Number(a.small ?? false))) {
    using device = await standInDevice(kind, { compiler, take });
    using commands = new Commands(device);
    const slice = device.alloc(SLICE_BYTES, "stand-in");
    recordRows(commands, slice);
    recordAttention(commands, slice, { thorough });
    recordProducts(commands, slice, { thorough });
    await device.check();
  }
  return [...found.values()];
}
