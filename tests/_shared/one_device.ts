/**
 * Whatever opens a device in a test file that imports this gets one and the same GPUDevice, which gives the pipelines that
 * it has built again: each run opens a device and builds seventy kernels, and that is half of what a short run takes. For
 * tests that run often, not for those of the device itself. @module
 */

const { requestDevice } = GPUAdapter.prototype;
const opened = new Map<string, Promise<GPUDevice>>();
let isShared = true;

/** What `open` opens, on a device of its own: one that is to be lost. */
export async function apart<T>(open: () => Promise<T>): Promise<T> {
  isShared = false;
  try {
    return await open();
  } finally {
    isShared = true;
  }
}

GPUAdapter.prototype.requestDevice = function (descriptor?: GPUDeviceDescriptor): Promise<GPUDevice> {
  if (!isShared) return requestDevice.call(this, descriptor);
  const key = JSON.stringify([this.info.description, descriptor]);
  let device = opened.get(key);
  if (!device) {
    opened.set(key, device = requestDevice.call(this, descriptor).then(keepPipelines));
    device.catch(() => opened.delete(key));
  }
  return device;
};

/** Makes a device give what it has made of the same parts before; it stays open, whoever destroys it. */
function keepPipelines(gpu: GPUDevice): GPUDevice {
  const made = new Map<string, unknown>();
  const ids = new WeakMap<object, number>();
  let nextId = 0;
  const numbered = <T extends object>(value: T): T => {
    ids.set(value, nextId++);
    return value;
  };
  const keep = <D, T extends object>(name: string, make: (d: D) => T, keyOf: (d: D) => unknown) => (d: D): T => {
    const key = `${name} ${JSON.stringify(keyOf(d))}`;
    const value = made.get(key) ?? numbered(make.call(gpu, d));
    made.set(key, value);
    return value as T;
  };
  const pipelineKey = ({ label, layout, compute: { module, ...rest } }: GPUComputePipelineDescriptor): unknown => [
    label,
    typeof layout === "string" ? layout : ids.get(layout),
    ids.get(module),
    rest,
  ];
  const { createShaderModule } = gpu;
  return Object.assign(gpu, {
    destroy() {},
    createShaderModule(descriptor: GPUShaderModuleDescriptor): GPUShaderModule {
      const key = `module ${JSON.stringify(descriptor)}`;
      const before = made.get(key);
      if (before) return before as GPUShaderModule;
      const module = numbered(createShaderModule.call(gpu, descriptor));
      // One that is refused is refused each time.
      module.getCompilationInfo().then(({ messages }) => {
        if (!messages.some(({ type }) => type === "error")) made.set(key, module);
      });
      return module;
    },
    createBindGroupLayout: keep("group", gpu.createBindGroupLayout, (d: GPUBindGroupLayoutDescriptor) => d),
    createPipelineLayout: keep(
      "layout",
      gpu.createPipelineLayout,
      (d: GPUPipelineLayoutDescriptor) => Array.from(d.bindGroupLayouts, (layout) => layout && ids.get(layout)),
    ),
    createComputePipeline: keep("pipeline", gpu.createComputePipeline, pipelineKey),
    createComputePipelineAsync: keep("later pipeline", gpu.createComputePipelineAsync, pipelineKey),
  });
}
