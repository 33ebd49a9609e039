/** As much of Vulkan as it takes to compile a shader: by a driver's own library, without the loader. @module */
import { addressOf, array, blank, type Field, lettingGo, nameAt, structure, zeroEnded } from "./structure.ts";

/** What a driver tells of a compiled shader, by its own names. */
export interface Compiled {
  /** Lanes that run together. */
  readonly lanes: number;
  readonly statistics: Readonly<Record<string, number>>;
  /** The code as text, by the name of its language, where it was asked for. */
  readonly code?: Readonly<Record<string, string>>;
}

/** How a shader is compiled. */
export interface CompileOptions {
  /** The VkDescriptorType of each binding, all in one set ({@linkcode DESCRIPTOR}). */
  readonly bindings: readonly number[];
  /** The entry point (default: main). */
  readonly entryPoint?: string;
  /** Lanes that a subgroup must have (default: the driver decides). */
  readonly lanes?: number;
  /** Whether the code is told as text. */
  readonly wantsCode?: boolean;
}

/** VkDescriptorType of what kernels bind: an image, a storage buffer, and uniforms with an offset of their own. */
export const DESCRIPTOR = { image: 2, storage: 7, uniform: 8 } as const;

/** VkStructureType. */
const TYPE = {
  application: 0,
  instance: 1,
  queue: 2,
  device: 3,
  module: 16,
  stage: 18,
  computePipeline: 29,
  pipelineLayout: 30,
  setLayout: 32,
  properties: 1_000_059_001,
  driverProperties: 1_000_196_000,
  pipelineInfo: 1_000_269_001,
  executable: 1_000_269_002,
  executableInfo: 1_000_269_003,
  statistic: 1_000_269_004,
  representation: 1_000_269_005,
  requiredSubgroupSize: 1_000_225_001,
} as const;

/** Structures of features: their type, and how many booleans they have. */
const FEATURES = [
  { type: 49, count: 12 }, // Vulkan 1.1
  { type: 51, count: 47 }, // Vulkan 1.2
  { type: 53, count: 15 }, // Vulkan 1.3
  { type: 1_000_286_000, count: 3 }, // VK_EXT_robustness2
  { type: 1_000_269_000, count: 1 }, // VK_KHR_pipeline_executable_properties
  { type: 1_000_059_000, count: 55 }, // Vulkan 1.0
] as const;

const EXTENSIONS = ["VK_KHR_pipeline_executable_properties", "VK_EXT_robustness2"];
/** Where the driver has it. */
const MATRICES = { extension: "VK_KHR_cooperative_matrix", features: { type: 1_000_506_000, count: 2 } } as const;
const VULKAN_1_3 = 0x403000;
const COMPUTE_STAGE = 0x20;
/** wgpu and Dawn leave the size of a subgroup to the driver. */
const ALLOW_VARYING_SUBGROUP_SIZE = 1;
const REQUIRE_FULL_SUBGROUPS = 2;
const CAPTURE = { statistics: 0x40, code: 0x80 } as const;
const FORMAT_FLOAT64 = 3;
/** Sizes of what a driver fills in. */
const EXTENSION_BYTES = 260;
const REPRESENTATION_BYTES = 552;

/** A driver's first device. */
export class VulkanCompiler {
  /** The device, as the driver calls it. */
  readonly device: string;
  /** The driver and its version. */
  readonly driver: string;
  readonly #address: (name: string, instance: bigint) => Deno.PointerValue;
  readonly #functions = new Map<string, (...args: bigint[]) => number>();
  readonly #instance: bigint;
  readonly #device: bigint;

  /** Opens the driver in the library at `path`. Throws Error. */
  constructor(path: string) {
    const { symbols } = Deno.dlopen(path, {
      vk_icdNegotiateLoaderICDInterfaceVersion: { parameters: ["buffer"], result: "i32" },
      vk_icdGetInstanceProcAddr: { parameters: ["u64", "buffer"], result: "pointer" },
    });
    symbols.vk_icdNegotiateLoaderICDInterfaceVersion(structure(5));
    this.#address = (name, instance) => symbols.vk_icdGetInstanceProcAddr(instance, zeroEnded(name));
    this.#instance = 0n;
    const application = structure(TYPE.application, null, null, 0, null, 0, VULKAN_1_3);
    this.#instance = this.#made(
      "vkCreateInstance",
      structure(TYPE.instance, null, 0n, application, 0, null, 0, null),
      null,
    );
    const found = new BigUint64Array(1);
    this.#call("vkEnumeratePhysicalDevices", this.#instance, structure(1), new Uint8Array(found.buffer));
    const physical = found[0]!;
    if (physical === 0n) throw new Error(`Cannot open ${path}: it has no device, expected one`);
    const driver = blank(544, TYPE.driverProperties, null);
    const properties = blank(840, TYPE.properties, driver);
    this.#call("vkGetPhysicalDeviceProperties2", physical, properties);
    this.device = nameAt(properties, 36);
    this.driver = `${nameAt(driver, 20)} ${nameAt(driver, 276)}`;
    this.#device = this.#openDevice(physical);
  }

  /** Opens a device with all features, as WebGPU asks for what it can use: checks of bounds among them. */
  #openDevice(physical: bigint): bigint {
    const hasMatrices = this.#extensionsOf(physical).has(MATRICES.extension);
    const [wanted, extensions] = hasMatrices
      ? [[MATRICES.features, ...FEATURES], [...EXTENSIONS, MATRICES.extension]]
      : [FEATURES, EXTENSIONS];
    let features: Uint8Array | null = null;
    for (const { type, count } of wanted) features = blank(16 + Math.ceil(count / 2) * 8, type, features);
    this.#call("vkGetPhysicalDeviceFeatures2", physical, features);
    const priority = new Uint8Array(new Float32Array([1]).buffer);
    const queue = structure(TYPE.queue, null, 0, 0, 1, priority);
    const names = structure(...extensions.map(zeroEnded));
    const info = structure(TYPE.device, features, 0, 1, queue, 0, null, extensions.length, names, null);
    return this.#made("vkCreateDevice", physical, info, null);
  }

  #extensionsOf(physical: bigint): Set<string> {
    const count = structure(0);
    this.#call("vkEnumerateDeviceExtensionProperties", physical, null, count, null);
    const all = new Uint8Array(EXTENSION_BYTES * new DataView(count.buffer).getUint32(0, true));
    this.#call("vkEnumerateDeviceExtensionProperties", physical, null, count, all);
    return new Set(Array.from({ length: all.length / EXTENSION_BYTES }, (_, i) => nameAt(all, EXTENSION_BYTES * i)));
  }

  /** Compiles SPIR-V. Throws Error. */
  compile(
    code: Uint8Array,
    { bindings: types, entryPoint = "main", lanes, wantsCode = false }: CompileOptions,
  ): Compiled {
    return lettingGo(() => {
      const device = this.#device;
      const bindings = array(types.map((type, i) => structure(i, type, 1, COMPUTE_STAGE, null)));
      const set = this.#made(
        "vkCreateDescriptorSetLayout",
        device,
        structure(TYPE.setLayout, null, 0, types.length, bindings),
        null,
      );
      const layout = this.#made(
        "vkCreatePipelineLayout",
        device,
        structure(TYPE.pipelineLayout, null, 0, 1, structure(set), 0, null),
        null,
      );
      const module = this.#made(
        "vkCreateShaderModule",
        device,
        structure(TYPE.module, null, 0n, BigInt(code.length), code),
        null,
      );
      const stage = [
        BigInt(TYPE.stage),
        lanes === undefined ? null : structure(TYPE.requiredSubgroupSize, null, lanes),
        lanes === undefined ? ALLOW_VARYING_SUBGROUP_SIZE : REQUIRE_FULL_SUBGROUPS,
        COMPUTE_STAGE,
        module,
        zeroEnded(entryPoint),
        null,
      ];
      const flags = BigInt(CAPTURE.statistics | (wantsCode ? CAPTURE.code : 0));
      const info = structure(TYPE.computePipeline, null, flags, ...stage, layout, 0n, 0n);
      const pipeline = this.#made("vkCreateComputePipelines", device, 0n, 1n, info, null);
      const compiled = {
        lanes: this.#lanesOf(pipeline),
        statistics: this.#statisticsOf(pipeline),
        ...wantsCode && { code: this.#codeOf(pipeline) },
      };
      const made = { Pipeline: pipeline, ShaderModule: module, PipelineLayout: layout, DescriptorSetLayout: set };
      for (const [name, handle] of Object.entries(made)) this.#call(`vkDestroy${name}`, device, handle, null);
      return compiled;
    });
  }

  #lanesOf(pipeline: bigint): number {
    const executable = blank(536, TYPE.executable, null);
    const info = structure(TYPE.pipelineInfo, null, pipeline);
    this.#call("vkGetPipelineExecutablePropertiesKHR", this.#device, info, structure(1), executable);
    return new DataView(executable.buffer).getUint32(532, true);
  }

  #statisticsOf(pipeline: bigint): Record<string, number> {
    const info = structure(TYPE.executableInfo, null, pipeline, 0);
    const count = structure(0);
    this.#call("vkGetPipelineExecutableStatisticsKHR", this.#device, info, count, null);
    const all = array(Array.from({ length: count[0]! }, () => blank(544, TYPE.statistic, null)));
    this.#call("vkGetPipelineExecutableStatisticsKHR", this.#device, info, count, all);
    const found: Record<string, number> = {};
    for (let at = 0; at < all.length; at += 544) {
      const one = new DataView(all.buffer, at);
      const isFloat = one.getUint32(528, true) === FORMAT_FLOAT64;
      found[nameAt(all, at + 16)] = isFloat ? one.getFloat64(536, true) : Number(one.getBigUint64(536, true));
    }
    return found;
  }

  /** The texts that the driver has of a pipeline's code. */
  #codeOf(pipeline: bigint): Record<string, string> {
    const info = structure(TYPE.executableInfo, null, pipeline, 0);
    const ask = (count: Uint8Array, all: Uint8Array | null): number =>
      this.#call("vkGetPipelineExecutableInternalRepresentationsKHR", this.#device, info, count, all);
    const count = structure(0);
    ask(count, null);
    const all = array(Array.from({ length: count[0]! }, () => blank(REPRESENTATION_BYTES, TYPE.representation, null)));
    ask(count, all);
    const found: Record<string, string> = {};
    const texts = Array.from({ length: count[0]! }, (_, i) => {
      const one = new DataView(all.buffer, REPRESENTATION_BYTES * i);
      const text = new Uint8Array(Number(one.getBigUint64(536, true)));
      one.setBigUint64(544, addressOf(text), true);
      return text;
    });
    ask(count, all);
    for (const [i, text] of texts.entries()) {
      found[nameAt(all, REPRESENTATION_BYTES * i + 16)] = new TextDecoder().decode(text).replace(/\0+$/, "");
    }
    return found;
  }

  /** Calls a function whose last argument receives a handle. */
  #made(name: string, ...args: readonly Field[]): bigint {
    const handle = new BigUint64Array(1);
    const result = this.#call(name, ...args, new Uint8Array(handle.buffer));
    if (result !== 0) throw new Error(`Cannot use the driver: ${name} returned ${result}, expected 0`);
    return handle[0]!;
  }

  #call(name: string, ...args: readonly Field[]): number {
    const values = args.map((arg) => typeof arg === "object" ? addressOf(arg) : BigInt(arg));
    let call = this.#functions.get(name);
    if (call === undefined) {
      const pointer = this.#address(name, this.#instance);
      if (pointer === null) throw new Error(`Cannot use the driver: it has no function ${name}`);
      // Handles, counts and addresses are all passed as 64 bits.
      const definition = { parameters: args.map(() => "u64" as const), result: "i32" } as const;
      const bound = new Deno.UnsafeFnPointer(pointer as Deno.PointerObject<typeof definition>, definition);
      this.#functions.set(name, call = (...all) => bound.call(...all));
    }
    return call(...values);
  }
}
