/** A device like most GPUs of today, to plan for one that is not at hand. @module */
import { Rehearsal } from "./rehearsal.ts";
import { SUBGROUP_MATRIX } from "./subgroup_matrix.ts";

/** The largest buffer and binding of a usual GPU: what wgpu and Chrome allow at most, a little less than 2 GiB. */
export const USUAL_BUFFER_BYTES: number = 2 ** 31 - 4;

/** What WebGPU promises everywhere, but for the buffers' sizes and what desktop drivers have had for long. */
const LIMITS = {
  maxBufferSize: USUAL_BUFFER_BYTES,
  maxStorageBufferBindingSize: USUAL_BUFFER_BYTES,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupStorageSize: 32 * 1024,
  maxComputeInvocationsPerWorkgroup: 1024,
  maxComputeWorkgroupSizeX: 1024,
  maxComputeWorkgroupSizeY: 1024,
  maxComputeWorkgroupSizeZ: 64,
  maxComputeWorkgroupsPerDimension: 65_535,
  maxTextureDimension2D: 16_384,
  minUniformBufferOffsetAlignment: 256,
};

/** What one with matrix units has besides. */
const MATRICES = {
  features: ["subgroups", "shader-f16", SUBGROUP_MATRIX],
  subgroupSize: 32,
  configs: [{ componentType: "f16", resultComponentType: "f32", M: 16, N: 16, K: 16 }],
};

/**
 * A device that only counts, with the limits of a usual GPU, whatever this machine has; with `matrices` it has matrix
 * units that can be reached, as with Dawn.
 */
export function usualGpu({ matrices = false } = {}): Rehearsal {
  const limits = LIMITS as GPUSupportedLimits;
  return new Rehearsal({
    gpu: { features: new Set<string>(matrices ? MATRICES.features : []), limits } as unknown as GPUDevice,
    info: {
      ...{ vendor: "", architecture: "", device: "", description: "a usual GPU" },
      ...(matrices && { subgroupMatrixConfigs: MATRICES.configs }),
    } as unknown as GPUAdapterInfo,
    family: "gpu",
    subgroupSize: matrices ? MATRICES.subgroupSize : 0,
    lavapipe: null,
    limits,
    tuning: null,
  });
}
