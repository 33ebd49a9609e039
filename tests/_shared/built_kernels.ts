/** Counts the pipelines that are built on a device. @module */
import type { Device } from "../../kernels/device/device.ts";

/** How many pipelines were built, since counting began. */
export interface BuiltKernels extends Disposable {
  /** Before their first use. */
  ahead: number;
  atFirstUse: number;
}

/** Counts until it is disposed of. */
export function countBuilt({ gpu }: Pick<Device, "gpu">): BuiltKernels {
  const built: BuiltKernels = {
    ahead: 0,
    atFirstUse: 0,
    [Symbol.dispose]: () => {
      for (const name of ["createComputePipeline", "createComputePipelineAsync"]) Reflect.deleteProperty(gpu, name);
    },
  };
  const [now, later] = [gpu.createComputePipeline, gpu.createComputePipelineAsync];
  Object.defineProperty(gpu, "createComputePipeline", {
    configurable: true,
    value: (descriptor: GPUComputePipelineDescriptor) => {
      built.atFirstUse++;
      return now.call(gpu, descriptor);
    },
  });
  Object.defineProperty(gpu, "createComputePipelineAsync", {
    configurable: true,
    value: (descriptor: GPUComputePipelineDescriptor) => {
      built.ahead++;
      return later.call(gpu, descriptor);
    },
  });
  return built;
}
