/** Devices that compile nothing: they note which pipelines the kernels ask for. @module */
import { Device } from "../../kernels/device/device.ts";
import { probeExtensions } from "../../kernels/device/extensions.ts";
import type { Lavapipe } from "../../kernels/device/lavapipe.ts";
import { SUBGROUP_MATRIX, SUBGROUP_SIZE } from "../../kernels/device/subgroup_matrix.ts";
import type { DeviceFamily } from "../../kernels/device/tuning.ts";

/** A pipeline that a kernel asked for. */
export interface PipelineText {
  /** The kernel's name. */
  readonly name: string;
  /** The first stand-in that asked for it. */
  readonly device: string;
  /** What was called, where the name says too little: the size of attention's heads. */
  readonly call: string;
  /** The module's whole WGSL. */
  readonly code: string;
  readonly constants: Readonly<Record<string, number>>;
  /** Bytes of workgroup memory that the device has. */
  readonly workgroupBytes: number;
  /** The layout of its bindings; null for what the module says. */
  readonly entries: readonly GPUBindGroupLayoutEntry[] | null;
}

/** What a stand-in stands in for. */
export interface DeviceKind {
  readonly name: string;
  readonly family: DeviceFamily;
  /** The smallest subgroup. */
  readonly least: number;
  /** The largest subgroup (default: `least`), or null where subgroups are not granted. */
  readonly most?: number | null;
  /** The m, n and k of its subgroup matrices (default: none); only Tint knows them. */
  readonly matrices?: readonly [m: number, n: number, k: number];
  /** Whether it has no more workgroup memory than WebGPU promises, and small buffers and images. */
  readonly small?: true;
  /** Which lavapipe it is like (default: none). */
  readonly lavapipe?: Lavapipe;
  /** Bytes of workgroup memory (default: 32 KiB, or what WebGPU promises). */
  readonly workgroupBytes?: number;
}

/** Which compiler's texts are asked for: Tint demands `enable subgroups;`, naga refuses the line. */
export type Compiler = "tint" | "naga";

/**
 * What differs from device to device in the kernels' texts: the family, the lanes of a subgroup, whether subgroups are
 * granted and their size is known, whether lanes load what they share, and whether operands fit into images.
 */
export const DEVICE_KINDS: readonly DeviceKind[] = [
  ...[4, 8, 16, 32, 64, 128].map((lanes): DeviceKind => ({ name: `cpu ${lanes}`, family: "cpu", least: lanes })),
  { name: "cpu 16, loads before broadcasts", family: "cpu", least: 16, lavapipe: 26 },
  { name: "cpu 4, no subgroups", family: "cpu", least: 4, most: null },
  { name: "cpu 8, small", family: "cpu", least: 8, small: true },
  { name: "gpu 32", family: "gpu", least: 32 },
  { name: "gpu 64", family: "gpu", least: 64 },
  { name: "gpu 128", family: "gpu", least: 128 },
  { name: "gpu 32, matrices of 8", family: "gpu", least: 32, matrices: [8, 8, 8] },
  { name: "gpu 32, matrices of 16", family: "gpu", least: 32, matrices: [16, 16, 16] },
  { name: "gpu 8 to 32, matrices of 8 rows", family: "gpu", least: 8, most: 32, matrices: [8, 16, 16] },
  { name: "gpu 32 to 64, matrices of 16", family: "gpu", least: 32, most: 64, matrices: [16, 16, 16] },
  { name: "gpu 8 to 32", family: "gpu", least: 8, most: 32 },
  { name: "gpu, no subgroups, small", family: "gpu", least: 4, most: null, small: true },
];

/** A stand-in whose pipelines are given to `take`. */
export async function standInDevice(
  { name, family, least, most = least, matrices, small, workgroupBytes, lavapipe }: DeviceKind,
  { compiler, take }: { compiler: Compiler; take: (pipeline: Omit<PipelineText, "call">) => void },
): Promise<Device> {
  const gpu = standIn({
    features: most === null
      ? []
      : ["subgroups", "shader-f16", "timestamp-query", ...matrices ? [SUBGROUP_MATRIX, SUBGROUP_SIZE] : []],
    limits: { ...small ? SMALL : USUAL, ...workgroupBytes && { maxComputeWorkgroupStorageSize: workgroupBytes } },
    compiler,
    take: (pipeline) => take({ ...pipeline, device: name }),
  });
  await probeExtensions(gpu);
  const [M, N, K] = matrices ?? [];
  const info = {
    ...{ subgroupMinSize: least, subgroupMaxSize: most ?? least },
    subgroupMatrixConfigs: matrices ? [{ componentType: "f16", resultComponentType: "f32", M, N, K }] : [],
  } as unknown as GPUAdapterInfo;
  return new Device(gpu, { info, family, subgroupSize: most === least ? least : 0, lavapipe: lavapipe ?? null });
}

const USUAL = {
  maxBufferSize: 2 ** 31,
  maxStorageBufferBindingSize: 2 ** 31 - 4,
  maxComputeWorkgroupsPerDimension: 65_535,
  minUniformBufferOffsetAlignment: 256,
  maxTextureDimension2D: 16_384,
  maxComputeWorkgroupStorageSize: 32 * 1024,
  maxComputeInvocationsPerWorkgroup: 256,
};

/** Images of these hold 16 lines. */
const SMALL: typeof USUAL = {
  ...USUAL,
  maxBufferSize: 2 ** 28,
  maxStorageBufferBindingSize: 2 ** 27,
  maxTextureDimension2D: 16,
  maxComputeWorkgroupStorageSize: 16 * 1024,
};

/** As much of a GPUDevice as recording takes. */
function standIn(
  { features, limits, compiler, take }: {
    features: readonly string[];
    limits: typeof USUAL;
    compiler: Compiler;
    take: (pipeline: Omit<PipelineText, "device" | "call">) => void;
  },
): GPUDevice {
  let refused = false;
  const pass = { setPipeline() {}, setBindGroup() {}, dispatchWorkgroups() {}, end() {} };
  const encoder = {
    beginComputePass: () => pass,
    copyBufferToBuffer() {},
    copyBufferToTexture() {},
    clearBuffer() {},
    finish: () => ({}),
  };
  const device = {
    features: new Set(features),
    limits,
    lost: new Promise(() => {}),
    queue: { writeBuffer() {}, submit() {}, onSubmittedWorkDone: () => Promise.resolve() },
    addEventListener() {},
    pushErrorScope: () => void (refused = false),
    popErrorScope: () => Promise.resolve(refused ? { message: "refused" } : null),
    createBuffer: () => ({ destroy() {} }),
    createTexture: () => ({ destroy() {}, createView: () => ({}) }),
    createShaderModule: ({ label, code }: GPUShaderModuleDescriptor) => {
      refused = compiler === "naga" && code.startsWith("enable subgroups;");
      return { label, code, getCompilationInfo: () => Promise.resolve({ messages: [] }) };
    },
    createBindGroupLayout: ({ entries }: GPUBindGroupLayoutDescriptor) => entries,
    createPipelineLayout: ({ bindGroupLayouts: [entries] }: { bindGroupLayouts: GPUBindGroupLayoutEntry[][] }) =>
      entries,
    createComputePipeline: ({ layout, compute }: Asked) => {
      const { module: { label, code }, constants } = compute;
      take({ name: label, code, constants, entries: layout, workgroupBytes: limits.maxComputeWorkgroupStorageSize });
      return {};
    },
    createBindGroup: () => ({}),
    createCommandEncoder: () => encoder,
    destroy() {},
  };
  return device as unknown as GPUDevice;
}

/** What the kernels give to `createComputePipeline`, made of what the stand-in returned. */
interface Asked {
  layout: GPUBindGroupLayoutEntry[];
  compute: { module: { label: string; code: string }; constants: Record<string, number> };
}
