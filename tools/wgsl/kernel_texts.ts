/** Every text of the kernels in every variant, found without a GPU: all operations, recorded on stand-in devices. @module */
import { Commands } from "../../kernels/device/commands.ts";
import { recordAttention, recordMatrixAttention } from "./attention_calls.ts";
import { recordMatrixProducts, recordProducts, recordTuned } from "./product_calls.ts";
import { recordRows } from "./row_calls.ts";
import { type Compiler, DEVICE_KINDS, type DeviceKind, type PipelineText, standInDevice } from "./stand_in_device.ts";

/** Large enough for every call. */
const SLICE_BYTES = 2 ** 26;

/** Which texts are asked for. */
export interface KernelTextsOptions {
  /** Whether all combinations of the choices that a text is made of are, instead of each choice by itself. */
  readonly thorough?: boolean;
  /** The devices whose texts they are (default: of every kind). */
  readonly kinds?: readonly DeviceKind[];
}

/** The pipelines of all kernels, each text with its constants once. */
export async function kernelTexts(
  compiler: Compiler,
  { thorough = false, kinds = DEVICE_KINDS }: KernelTextsOptions = {},
): Promise<PipelineText[]> {
  const found = new Map<string, PipelineText>();
  let call = "";
  const onCall = (what: string): void => void (call = what);
  const take = (pipeline: Omit<PipelineText, "call">): void => {
    const key = JSON.stringify([pipeline.constants, pipeline.entries, pipeline.code]);
    if (!found.has(key)) found.set(key, { ...pipeline, call });
  };
  // What small devices ask for has to fit them.
  for (const kind of kinds.toSorted((a, b) => Number(b.small ?? false) - Number(a.small ?? false))) {
    using device = await standInDevice(kind, { compiler, take });
    using commands = new Commands(device);
    const slice = device.alloc(SLICE_BYTES, "stand-in");
    if (kind.matrices) {
      // All else is as without them.
      if (compiler === "tint") {
        recordMatrixProducts(commands, slice);
        recordMatrixAttention(commands, slice, onCall);
      }
      await device.check();
      continue;
    }
    recordRows(commands, slice);
    recordAttention(commands, slice, { thorough, onCall });
    onCall("");
    recordProducts(commands, slice, { thorough });
    onCall("tuned");
    recordTuned(commands, slice);
    onCall("");
    await device.check();
  }
  return [...found.values()];
}
