/** Compiling texts with Tint, the compiler of Chromium: through Dawn, as Node's package has it. @module */
import { createDawn } from "../../core/device/dawn.ts";
import { SUBGROUP_MATRIX, SUBGROUP_MATRIX_EXTENSION, SUBGROUP_SIZE } from "../../kernels/device/subgroup_matrix.ts";
import { DAWN, fetchDawn } from "../fetch_dawn.ts";
import type { PipelineText } from "./stand_in_device.ts";

/** A compiler of texts. */
export interface Tint {
  /** Why a text, or the pipeline that is made of it, is refused; null where it is taken. */
  refusalOf(text: PipelineText): Promise<string | null>;
}

/** Where the object that stands for Dawn is collected, no promise of its devices is ever settled. */
const kept: GPU[] = [];

/**
 * Opens Dawn without any driver: its null backend runs Tint and checks pipelines as all others do, and then compiles
 * nothing. Throws where the package cannot be had or loaded.
 */
export async function openTint(): Promise<Tint> {
  await fetchDawn();
  const dawn = createDawn(DAWN, ["backend=null"]);
  kept.push(dawn);
  const adapter = await dawn.requestAdapter();
  if (adapter === null) throw new Error("Dawn has no null adapter");
  const device = await adapter.requestDevice({
    requiredFeatures: ["subgroups", "shader-f16", SUBGROUP_MATRIX, SUBGROUP_SIZE] as GPUFeatureName[],
  });
  return { refusalOf: (text) => refusalOf(device, text) };
}

async function refusalOf(device: GPUDevice, text: PipelineText): Promise<string | null> {
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ label: text.name, code: text.code });
  // The null device has no more workgroup memory than WebGPU promises, and no shape of subgroup matrices: of texts that need
  // more the module alone is compiled.
  const isMatrix = text.code.includes(`enable ${SUBGROUP_MATRIX_EXTENSION};`);
  if (text.workgroupBytes <= device.limits.maxComputeWorkgroupStorageSize && !isMatrix) {
    const { entries } = text;
    const layout = entries && device.createBindGroupLayout({ entries: [...entries] });
    device.createComputePipeline({
      layout: layout ? device.createPipelineLayout({ bindGroupLayouts: [layout] }) : "auto",
      compute: { module, entryPoint: "main", constants: { ...text.constants } },
    });
  }
  const error = await device.popErrorScope();
  return error && oneLine(error.message);
}

/** A message's first line, with its place and the reason that follows it, without the text that it quotes. */
function oneLine(message: string): string {
  const [first = "", ...rest] = message.split("\n");
  const notes = rest.filter((line) => /^:\d+:\d+ note: /.test(line));
  return [first.replace(/^Error while parsing WGSL: /, ""), ...notes].join("; ");
}
