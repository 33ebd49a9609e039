/** Which extensions of WGSL a text has to name. @module */
import type { SourcePart } from "./source.ts";
import {
  SUBGROUP_MATRIX,
  SUBGROUP_MATRIX_EXTENSION,
  SUBGROUP_SIZE,
  SUBGROUP_SIZE_EXTENSION,
} from "./subgroup_matrix.ts";

/** A feature that a text may need. */
export type Extension = "subgroups" | "shader-f16" | "chromium-experimental-subgroup-matrix" | "subgroup-size-control";

const FEATURE = "subgroups";

/** Devices whose compiler takes the line that names subgroups. */
const naming = new WeakSet<GPUDevice>();

/** Comes before the parts of a kernel that needs the feature. */
const ENABLE: Readonly<Record<Extension, SourcePart>> = {
  "subgroups": enablePart("subgroups"),
  "shader-f16": enablePart("f16"),
  [SUBGROUP_MATRIX]: enablePart(SUBGROUP_MATRIX_EXTENSION),
  [SUBGROUP_SIZE]: enablePart(SUBGROUP_SIZE_EXTENSION),
};

function enablePart(extension: string): SourcePart {
  return { name: "kernels/device/extensions.ts (generated)", text: `enable ${extension};\n` };
}

/**
 * Asks the device's compiler whether a text with subgroup operations names them: Tint (Chromium, Dawn) demands
 * `enable subgroups;`, naga (Deno, Firefox) refuses the line and has the operations without. Call it once for a device,
 * before its first kernel.
 */
export async function probeExtensions(gpu: GPUDevice): Promise<void> {
  if (!(gpu.features as unknown as ReadonlySet<string>).has(FEATURE)) return;
  gpu.pushErrorScope("validation");
  const code = `${ENABLE[FEATURE].text}@compute @workgroup_size(1) fn main() {}\n`;
  gpu.createShaderModule({ label: "extensions", code });
  if (await gpu.popErrorScope() === null) naming.add(gpu);
}

/** The lines that a text for this device opens with, if it needs these features. */
export function enableParts(gpu: GPUDevice, requires: readonly Extension[]): SourcePart[] {
  return requires.filter((feature) => feature !== FEATURE || naming.has(gpu)).map((feature) => ENABLE[feature]);
}
