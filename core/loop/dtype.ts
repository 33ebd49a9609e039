/** The config's names of storage types. @module */
import type { Dtype } from "../checkpoint/dtype.ts";
import type { ResolvedConfig } from "../config/config_types.ts";

const NAMES: Readonly<Record<NonNullable<ResolvedConfig["dtype"]>, Dtype>> = {
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
};

/** The safetensors name of a config's `dtype`; null where it is not set. */
export function storageType(dtype: ResolvedConfig["dtype"]): Dtype | null {
  return dtype === undefined ? null : NAMES[dtype];
}
