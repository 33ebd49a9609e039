/** Kernels: a WGSL module with its bindings and uniform record, and the pipelines made from it. @module */
import type { Device } from "./device.ts";
import { DeviceError } from "./device_error.ts";
import { enableParts, type Extension } from "./extensions.ts";
import type { ImageFormat } from "./slice.ts";
import { checkBefore, joinParts, placeIn, type SourcePart } from "./source.ts";
import { checkUniformStruct, uniformBytes, type UniformFields } from "./uniform.ts";

/** How a kernel uses a binding: it reads or writes a buffer, or reads an image of this format. */
export type Access = "read" | "readWrite" | ImageFormat;

/** The image format of each WGSL texture type. */
const TEXTURES: Readonly<Record<string, ImageFormat>> = {
  "texture_2d<f32>": "rgba32float",
  "texture_2d<u32>": "rgba32uint",
};

/** The declaration of a kernel. Bindings are numbered in the order given; the uniform record comes last. */
export interface KernelSpec<B extends string, U extends UniformFields> {
  /** The name in labels, profiles and error messages. */
  name: string;
  /**
   * WGSL with one entry point `main` and, if there are uniforms, one `struct Params`. The last part is the kernel's
   * own; its first line names the parts before it.
   */
  code: readonly SourcePart[];
  /** How each binding is used, in their order. */
  bindings: Readonly<Record<B, Access>>;
  /** Fields of the uniform record; empty without uniforms. */
  uniforms: U;
  /** Features that the module needs; their `enable` lines are added. */
  requires?: readonly Extension[];
}

/** A checked {@linkcode KernelSpec}. */
export interface Kernel<B extends string, U extends UniformFields> extends KernelSpec<B, U> {
  /** Unique in the process; keys pipelines and bind groups. */
  readonly id: number;
  /** Names of the bindings, in their order. */
  readonly bindingNames: readonly B[];
  /** Bytes of the uniform record, 0 without uniforms. */
  readonly uniformBytes: number;
}

/** Values for a module's `override` constants. */
export type Constants = Readonly<Record<string, number>>;

/** A compiled pipeline with its layout. */
export interface Pipeline {
  readonly id: number;
  readonly gpu: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

let nextKernelId = 0;

/**
 * Declares a kernel. Throws TypeError if the WGSL's bindings, its `struct Params`, or the parts that its first line
 * names ({@linkcode checkBefore}) differ from the declaration.
 *
 * Each binding must stand in the WGSL as `@group(0) @binding(N) var<storage, read|read_write> name`, an image as
 * `@group(0) @binding(N) var name: texture_2d<f32|u32>`.
 */
export function defineKernel<const B extends string, const U extends UniformFields>(
  spec: KernelSpec<B, U>,
): Kernel<B, U> {
  checkBefore(spec.name, spec.code);
  const code = joinParts(spec.code);
  const bindingNames = Object.keys(spec.bindings) as B[];
  const pattern =
    /@group\(0\)\s*@binding\((\d+)\)\s*var(?:<storage,\s*(read|read_write)>\s*(\w+)|\s+(\w+):\s*(texture_2d<[fu]32>))/g;
  const found = [...code.matchAll(pattern)].map(([, at, access, name, image, type]) =>
    image ? `${at} ${image} ${TEXTURES[type!]}` : `${at} ${name} ${access === "read" ? "read" : "readWrite"}`
  );
  const wanted = bindingNames.map((name, i) => `${i} ${name} ${spec.bindings[name]}`);
  if (found.join() !== wanted.join()) {
    throw new TypeError(
      `Cannot define "${spec.name}": bindings are [${found.join(", ")}], expected [${wanted.join(", ")}]`,
    );
  }
  const hasUniforms = Object.keys(spec.uniforms).length > 0;
  if (hasUniforms) {
    checkUniformStruct(spec.name, { code, fields: spec.uniforms });
    if (!new RegExp(`@binding\\(${bindingNames.length}\\)\\s*var<uniform>`).test(code)) {
      throw new TypeError(`Cannot define "${spec.name}": no var<uniform> at binding ${bindingNames.length}`);
    }
  }
  return { ...spec, id: nextKernelId++, bindingNames, uniformBytes: hasUniforms ? uniformBytes(spec.uniforms) : 0 };
}

let nextPipelineId = 0;

/** A pipeline that a kernel was asked for with these constants. */
export interface AskedPipeline {
  // What a kernel binds and sets does not matter here.
  readonly kernel: Kernel<string, UniformFields>;
  readonly constants: Constants;
}

/** A pipeline that is there. */
interface Kept extends AskedPipeline {
  readonly pipeline: Pipeline;
  /** Whether it has been asked for; what is built ahead has not. */
  isUsed: boolean;
}

const kept = new WeakMap<Device, Map<string, Kept>>();

function pipelinesOf(device: Device): Map<string, Kept> {
  let pipelines = kept.get(device);
  if (!pipelines) kept.set(device, pipelines = new Map());
  return pipelines;
}

function keyOf({ id }: { readonly id: number }, constants: Constants): string {
  let key = `${id}`;
  for (const name in constants) key += ` ${name}=${constants[name]}`;
  return key;
}

/**
 * The pipeline of a kernel with these constants, made at first use unless it was built ahead. The next `device.check()`
 * throws a shader error.
 */
export function pipelineFor<B extends string, U extends UniformFields>(
  device: Device,
  kernel: Kernel<B, U>,
  constants: Constants,
): Pipeline {
  const pipelines = pipelinesOf(device);
  const key = keyOf(kernel, constants);
  let found = pipelines.get(key);
  if (!found) {
    const pipeline = createPipeline(device, kernel, constants);
    pipelines.set(
      key,
      found = { kernel: kernel as unknown as AskedPipeline["kernel"], constants, pipeline, isUsed: false },
    );
  }
  if (!found.isUsed) {
    found.isUsed = true;
    // Some drivers compile at the first dispatch.
    device.pace.compiled();
  }
  return found.pipeline;
}

/** The pipelines of a device, in the order in which they were asked for. */
export function askedPipelines(device: Device): AskedPipeline[] {
  return [...pipelinesOf(device).values()];
}

/** Whether a device has a pipeline. */
export function hasPipeline(device: Device, { kernel, constants }: AskedPipeline): boolean {
  return pipelinesOf(device).has(keyOf(kernel, constants));
}

/**
 * Builds a pipeline ahead of its first use, beside others where the WebGPU does that. One that is refused is left out:
 * its first use says why.
 */
export async function buildPipeline(device: Device, { kernel, constants }: AskedPipeline): Promise<void> {
  const { gpu } = device;
  if (lackingFeature(device, kernel) !== undefined) return;
  gpu.pushErrorScope("validation");
  const { descriptor, layout } = describePipeline(device, kernel, constants);
  const refused = gpu.popErrorScope();
  const built = gpu.createComputePipelineAsync(descriptor);
  const [pipeline, error] = await Promise.all([built.catch(() => null), refused]);
  const pipelines = pipelinesOf(device);
  const key = keyOf(kernel, constants);
  if (pipeline === null || error !== null || pipelines.has(key)) return;
  pipelines.set(key, { kernel, constants, pipeline: { id: nextPipelineId++, gpu: pipeline, layout }, isUsed: false });
}

function layoutOf(access: Access): Pick<GPUBindGroupLayoutEntry, "buffer" | "texture"> {
  if (access === "read") return { buffer: { type: "read-only-storage" } };
  if (access === "readWrite") return { buffer: { type: "storage" } };
  return { texture: { sampleType: access === "rgba32uint" ? "uint" : "unfilterable-float" } };
}

/** The first feature that a kernel needs and the device does not grant. */
function lackingFeature(
  { features }: Device,
  { requires = [] }: { requires?: readonly Extension[] },
): Extension | undefined {
  return requires.find((feature) => !features.has(feature));
}

/** What a pipeline is made of. Makes its module and its layouts. */
function describePipeline<B extends string, U extends UniformFields>(
  { gpu }: Device,
  kernel: Kernel<B, U>,
  constants: Constants,
): {
  descriptor: GPUComputePipelineDescriptor;
  module: GPUShaderModule;
  layout: GPUBindGroupLayout;
  parts: readonly SourcePart[];
} {
  const entries: GPUBindGroupLayoutEntry[] = kernel.bindingNames.map((name, binding) => ({
    binding,
    visibility: GPUShaderStage.COMPUTE,
    ...layoutOf(kernel.bindings[name]),
  }));
  if (kernel.uniformBytes > 0) {
    entries.push({
      binding: entries.length,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type: "uniform", hasDynamicOffset: true },
    });
  }
  const { name: label } = kernel;
  const parts = [...enableParts(gpu, kernel.requires ?? []), ...kernel.code];
  const module = gpu.createShaderModule({ label, code: joinParts(parts) });
  const layout = gpu.createBindGroupLayout({ label, entries });
  const descriptor = {
    label,
    layout: gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module, entryPoint: "main", constants: { ...constants } },
  };
  return { descriptor, module, layout, parts };
}

function createPipeline<B extends string, U extends UniformFields>(
  device: Device,
  kernel: Kernel<B, U>,
  constants: Constants,
): Pipeline {
  const lacking = lackingFeature(device, kernel);
  if (lacking !== undefined) {
    throw new DeviceError(`Cannot build kernel "${kernel.name}": the device does not grant "${lacking}"`);
  }
  const { gpu } = device;
  gpu.pushErrorScope("validation");
  const { descriptor, module, layout, parts } = describePipeline(device, kernel, constants);
  const pipeline = gpu.createComputePipeline(descriptor);
  device.watch(
    Promise.all([gpu.popErrorScope(), module.getCompilationInfo()]).then(([error, info]) => {
      if (!error) return;
      const message = info.messages.find((m) => m.type === "error");
      const what = message ? describeMessage(message, parts) : error.message;
      const text = `Cannot build kernel "${kernel.name}": ${what.replace(/\s+/g, " ").trim()}`;
      device.fail(new DeviceError(text), { isCause: true });
    }),
  );
  return { id: nextPipelineId++, gpu: pipeline, layout };
}

/** A compiler's message with the places in the joined text replaced by those in its parts. */
function describeMessage(
  { message, lineNum, linePos }: GPUCompilationMessage,
  parts: readonly SourcePart[],
): string {
  const place = placeIn(parts, lineNum, linePos);
  if (!place) return message;
  // naga names a place in the joined text, then quotes the lines from there with their numbers.
  const quoted = message.replace(/^\s*┌─ .*$/m, "").replace(
    /^( *)(\d+)(?= │)/gm,
    (_, indent, line) => `${indent}${placeIn(parts, Number(line), 1)?.line ?? line}`,
  );
  return `${place.name}:${place.line}:${place.column} ${quoted}`;
}
