/** The adapter and its device: limits, features, memory, errors, readback. @module */
import { DeviceError } from "./device_error.ts";
import type { DeviceFamily, Tuning } from "./tuning.ts";

export type { DeviceFamily };

/** A buffer on the device. */
export interface DeviceBuffer {
  readonly gpu: GPUBuffer;
  /** Unique per device; keys the bind-group cache. */
  readonly id: number;
  readonly bytes: number;
  readonly label: string;
}

/** A range of a buffer, in bytes; `offset` is a multiple of 256. */
export interface Slice {
  readonly buffer: DeviceBuffer;
  readonly offset: number;
  readonly size: number;
}

/** A texture that holds words in a row, {@linkcode IMAGE_WIDTH} texels to a line: some drivers read it far faster. */
export interface Image {
  readonly texture: GPUTexture;
  readonly view: GPUTextureView;
  /** Unique per device, among the buffers too. */
  readonly id: number;
  readonly format: ImageFormat;
  /** Texels that it holds. */
  readonly texels: number;
}

/** A texel is 16 bytes: four f32, or four u32. */
export type ImageFormat = "rgba32float" | "rgba32uint";

/** Bytes of a texel. */
export const TEXEL_BYTES = 16;

/** Texels of an image's line: a power of two. */
export const IMAGE_WIDTH = 4096;

/** Offsets of slices are multiples of this, WebGPU's default `minStorageBufferOffsetAlignment`. */
export const SLICE_ALIGNMENT = 256;

/** How to open a device. */
export interface OpenOptions {
  /** Which adapter to prefer where there are several (default "high-performance"). */
  powerPreference?: GPUPowerPreference;
  /**
   * Bits of lavapipe's vectors, null for the driver's own (default: the environment's `LP_NATIVE_VECTOR_WIDTH`); only
   * the process's first request of an adapter heeds it.
   */
  vectorWidth?: number | null;
  /** Which family of kernels to run (default: by the adapter); all run everywhere. */
  family?: DeviceFamily;
}

/** How long a failure waits for the news that the device was lost. */
const LOSS_MS = 100;

const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupsPerDimension",
  "minUniformBufferOffsetAlignment",
] as const;

/** Features asked for; each is optional. */
export const WANTED_FEATURES = ["subgroups", "shader-f16", "timestamp-query"] as const;

type Limit = typeof LIMITS[number];

/** Limits to keep to in place of the device's own where they are lower. */
export type LowerLimits = Readonly<Partial<Record<Limit, number>>>;

/** A GPU (or software) device with what it grants. Make one with {@linkcode openDevice}. */
export class Device {
  readonly gpu: GPUDevice;
  readonly info: GPUAdapterInfo;
  readonly family: DeviceFamily;
  readonly features: ReadonlySet<string>;
  readonly limits: GPUSupportedLimits;
  /** Lanes of a subgroup where subgroups are granted and their size is fixed, else 0. */
  readonly subgroupSize: number;
  /** Workgroup size for kernels that give a workgroup to each row: one subgroup on a CPU, 64 on a GPU; a power of two. */
  readonly rowLanes: number;
  /** Kernel variants chosen by measuring; the fixed default serves where there are none. Set before the first kernel. */
  tuning: Tuning | null = null;
  /** Bytes of all live buffers made by {@linkcode alloc}, and images. */
  bytes = 0;
  /** The most that `bytes` has been. */
  peakBytes = 0;
  /** Number of live buffers made by {@linkcode alloc}. */
  bufferCount = 0;

  #nextId = 0;
  #failures: DeviceError[] = [];
  #checks: Promise<void>[] = [];
  #onFree: ((freed: { readonly id: number }) => void)[] = [];
  #staging: GPUBuffer | undefined;
  #lost = false;
  #closed = false;

  /** With `limits` a test reaches a limit by small buffers and grids. */
  constructor(
    gpu: GPUDevice,
    { info, family, subgroupSize, limits }: {
      info: GPUAdapterInfo;
      family: DeviceFamily;
      subgroupSize: number;
      limits?: LowerLimits;
    },
  ) {
    this.gpu = gpu;
    this.info = info;
    this.family = family;
    this.features = gpu.features as unknown as ReadonlySet<string>;
    this.limits = limits ? lowerLimits(gpu.limits, limits) : gpu.limits;
    this.subgroupSize = subgroupSize;
    this.rowLanes = family === "cpu" ? info.subgroupMinSize : 64;
    gpu.addEventListener("uncapturederror", (event: Event & { error?: GPUError }) => {
      event.preventDefault();
      this.fail(new DeviceError(`The GPU reported an error: ${oneLine(event.error?.message ?? "unknown")}`));
    });
    gpu.lost.then((lost) => {
      if (this.#closed) return;
      this.#lost = true;
      this.fail(new DeviceError(`The GPU device was lost: ${oneLine(lost.message) || lost.reason}`, "lost"));
    });
  }

  /** Records a failure; the next {@linkcode check}, {@linkcode read} or {@linkcode sync} throws it. */
  fail(error: DeviceError): void {
    this.#failures.push(error);
  }

  /** Adds a check whose failure the next {@linkcode check} throws. */
  watch(check: Promise<void>): void {
    this.#checks.push(check);
  }

  /** Throws the first recorded failure: a shader error, a validation error, out of memory, a lost device. */
  async check(): Promise<void> {
    while (this.#checks.length > 0) await Promise.all(this.#checks.splice(0));
    if (this.#failures.length === 0) return;
    const failures = this.#failures;
    // What follows from a loss or from missing memory may be told before it.
    if (!failures.some(({ kind }) => kind !== "other")) await this.#lossIfAny();
    if (!this.#lost) this.#failures = [];
    throw failures.find(({ kind }) => kind === "lost") ?? failures.find(({ kind }) => kind === "memory") ??
      failures[0]!;
  }

  /** The news of a loss comes a little after the errors that it makes. */
  async #lossIfAny(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await Promise.race([this.gpu.lost, new Promise((resolve) => timer = setTimeout(resolve, LOSS_MS))]);
    clearTimeout(timer);
  }

  /** A zero-filled storage buffer of `bytes` (rounded up to 4). Throws DeviceError where the device cannot hold it. */
  alloc(bytes: number, label: string): Slice {
    const size = Math.max(4, Math.ceil(bytes / 4) * 4);
    if (size > this.limits.maxBufferSize) {
      throw new DeviceError(
        `Cannot allocate "${label}": size is ${size} bytes, the device's largest buffer is ${this.limits.maxBufferSize}`,
        "memory",
      );
    }
    const gpu = this.#createBuffer({
      label,
      size,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    const buffer: DeviceBuffer = { gpu, id: this.#nextId++, bytes: size, label };
    this.bytes += size;
    this.bufferCount++;
    this.peakBytes = Math.max(this.peakBytes, this.bytes);
    return { buffer, offset: 0, size };
  }

  /** A buffer; where there is no memory for it, the next check throws. */
  #createBuffer(descriptor: GPUBufferDescriptor): GPUBuffer {
    const used = this.bytes;
    this.gpu.pushErrorScope("out-of-memory");
    const buffer = this.gpu.createBuffer(descriptor);
    this.watch(
      this.gpu.popErrorScope().then((error) => {
        if (!error) return;
        const { label, size } = descriptor;
        this.fail(
          new DeviceError(
            `Cannot allocate "${label}": the device is out of memory, ${mebibytes(size)} asked with ${
              mebibytes(used)
            } in use`,
            "memory",
          ),
        );
      }),
    );
    return buffer;
  }

  /** Destroys the buffer under a slice from {@linkcode alloc}; all its slices become invalid. */
  free(slice: Slice): void {
    slice.buffer.gpu.destroy();
    this.bytes -= slice.buffer.bytes;
    this.bufferCount--;
    for (const listener of this.#onFree) listener(slice.buffer);
  }

  /** An image of at least `texels`. Throws DeviceError where the device cannot hold it. */
  allocImage(texels: number, format: ImageFormat): Image {
    const height = Math.ceil(texels / IMAGE_WIDTH);
    if (height > this.limits.maxTextureDimension2D) {
      throw new DeviceError(
        `Cannot allocate an image: ${height} lines, the device's largest texture has ${this.limits.maxTextureDimension2D}`,
      );
    }
    const texture = this.gpu.createTexture({
      size: [IMAGE_WIDTH, height],
      format,
      usage: GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_DST,
    });
    const held = IMAGE_WIDTH * height;
    this.bytes += held * TEXEL_BYTES;
    this.peakBytes = Math.max(this.peakBytes, this.bytes);
    return { texture, view: texture.createView(), id: this.#nextId++, format, texels: held };
  }

  /** Destroys an image. */
  freeImage({ texture, id, texels }: Image): void {
    texture.destroy();
    this.bytes -= texels * TEXEL_BYTES;
    for (const listener of this.#onFree) listener({ id });
  }

  /** Calls `listener` for each buffer and image that is freed (caches drop what refers to it). */
  onFree(listener: (freed: { readonly id: number }) => void): void {
    this.#onFree.push(listener);
  }

  /** Copies `data` into the slice at `offset` bytes, in the queue's order. Throws RangeError where it does not fit. */
  write(slice: Slice, data: ArrayBufferView<ArrayBuffer>, offset = 0): void {
    if (offset + data.byteLength > slice.size) {
      throw new RangeError(
        `Cannot write "${slice.buffer.label}": ${offset + data.byteLength} bytes, expected at most ${slice.size}`,
      );
    }
    // Chunks with a submit after each keep the queue's staging memory small and are the fastest way up.
    const chunk = 16 * 1024 * 1024;
    for (let at = 0; at < data.byteLength; at += chunk) {
      const bytes = Math.min(chunk, data.byteLength - at);
      this.gpu.queue.writeBuffer(
        slice.buffer.gpu,
        slice.offset + offset + at,
        data.buffer,
        data.byteOffset + at,
        bytes,
      );
      if (data.byteLength > chunk) this.gpu.queue.submit([]);
    }
  }

  /** Uploads `data` into a new buffer. */
  upload(data: ArrayBufferView<ArrayBuffer>, label: string): Slice {
    const slice = this.alloc(data.byteLength, label);
    this.write(slice, data);
    return slice;
  }

  /** Waits for all submitted work and returns the slice's bytes: one fence, at least 11 ms. Throws DeviceError. */
  async read(slice: Slice): Promise<ArrayBuffer> {
    const [bytes] = await this.readAll([slice]);
    return bytes!;
  }

  /** Reads several slices with one fence. Throws DeviceError. */
  async readAll(slices: readonly Slice[]): Promise<ArrayBuffer[]> {
    const out = slices.map((s) => new ArrayBuffer(s.size));
    // Windows bound the staging memory; nearly all reads are one window.
    const window = 64 * 1024 * 1024;
    let jobs: { slice: number; from: number; bytes: number; at: number }[] = [];
    let used = 0;
    const flush = async (): Promise<void> => {
      if (jobs.length === 0) return;
      await this.#readWindow(
        jobs.map((job) => ({ ...job, source: slices[job.slice]!, target: out[job.slice]! })),
        used,
      );
      jobs = [];
      used = 0;
    };
    for (let i = 0; i < slices.length; i++) {
      for (let from = 0; from < slices[i]!.size;) {
        if (used === window) await flush();
        const bytes = Math.min(slices[i]!.size - from, window - used);
        jobs.push({ slice: i, from, bytes, at: used });
        used += bytes;
        from += bytes;
      }
    }
    await flush();
    return out;
  }

  async #readWindow(
    jobs: { source: Slice; target: ArrayBuffer; from: number; bytes: number; at: number }[],
    used: number,
  ): Promise<void> {
    if (!this.#staging || this.#staging.size < used) {
      this.#staging?.destroy();
      this.#staging = this.#createBuffer({
        label: "staging",
        size: Math.max(64 * 1024, used),
        usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      });
    }
    const staging = this.#staging;
    const encoder = this.gpu.createCommandEncoder();
    for (const { source, from, bytes, at } of jobs) {
      encoder.copyBufferToBuffer(source.buffer.gpu, source.offset + from, staging, at, bytes);
    }
    this.gpu.queue.submit([encoder.finish()]);
    try {
      await staging.mapAsync(GPUMapMode.READ, 0, used);
    } catch (error) {
      this.fail(new DeviceError(`Cannot read from the GPU: ${oneLine(String(error))}`));
      return await this.check();
    }
    const mapped = new Uint8Array(staging.getMappedRange(0, used));
    for (const { target, from, bytes, at } of jobs) {
      new Uint8Array(target, from, bytes).set(mapped.subarray(at, at + bytes));
    }
    staging.unmap();
    await this.check();
  }

  /** Waits for all submitted work: one fence, at least 11 ms. Throws DeviceError. */
  async sync(): Promise<void> {
    await this.gpu.queue.onSubmittedWorkDone();
    await this.check();
  }

  /** Gives the device back. */
  destroy(): void {
    this.#closed = true;
    this.#staging?.destroy();
    this.gpu.destroy();
  }
}

/** A view of a slice: `offset` and `size` in bytes within it. Throws RangeError where it does not fit or is not aligned. */
export function subslice(slice: Slice, offset: number, size: number): Slice {
  if (offset % SLICE_ALIGNMENT !== 0 || offset + size > slice.size) {
    throw new RangeError(
      `Cannot slice "${slice.buffer.label}": bytes ${offset}..${
        offset + size
      } of ${slice.size}, expected an offset that is a multiple of ${SLICE_ALIGNMENT} and an end within`,
    );
  }
  return { buffer: slice.buffer, offset: slice.offset + offset, size };
}

/** Rounds bytes up to the alignment that slices need. */
export function alignSlice(bytes: number): number {
  return Math.ceil(bytes / SLICE_ALIGNMENT) * SLICE_ALIGNMENT;
}

/** The limits, each no higher than `most` has it. */
function lowerLimits(limits: GPUSupportedLimits, most: LowerLimits): GPUSupportedLimits {
  return new Proxy(limits, {
    get: (_, name) => Math.min(limits[name as Limit], most[name as Limit] ?? Infinity),
  });
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

/** Settings that drivers read from the environment; they must be there before the first adapter request. */
function prepareEnvironment({ vectorWidth }: OpenOptions): void {
  if (vectorWidth !== undefined) {
    try {
      if (vectorWidth === null) Deno.env.delete("LP_NATIVE_VECTOR_WIDTH");
      else Deno.env.set("LP_NATIVE_VECTOR_WIDTH", String(vectorWidth));
    } catch {
      // Without the permission the driver's own width serves.
    }
  }
  try {
    // Mesa complains on stderr about a missing XDG_RUNTIME_DIR, though nothing here needs one.
    if (!Deno.env.get("XDG_RUNTIME_DIR")) Deno.env.set("XDG_RUNTIME_DIR", "/tmp");
  } catch {
    // Without the permission the defaults serve.
  }
}

/** Requests the adapter, or null where there is no driver. */
export async function requestAdapter(
  options: OpenOptions = {},
): Promise<GPUAdapter | null> {
  prepareEnvironment(options);
  return await navigator.gpu.requestAdapter({ powerPreference: options.powerPreference ?? "high-performance" });
}

/** Opens the device with the adapter's own limits and with the features it grants. Throws DeviceError without an adapter. */
export async function openDevice(options: OpenOptions = {}): Promise<Device> {
  const adapter = await requestAdapter(options);
  if (!adapter) {
    throw new DeviceError(
      "Cannot open a GPU device: no WebGPU adapter was found, expected a Vulkan, Metal or DX12 driver (on Debian or Ubuntu: apt-get install mesa-vulkan-drivers)",
    );
  }
  const requiredLimits: Record<string, number> = {};
  for (const name of LIMITS) requiredLimits[name] = adapter.limits[name];
  const { info } = adapter;
  const isSoftware = info.isFallbackAdapter || /llvmpipe|swiftshader|software/i.test(info.description);
  const family = options.family ?? (isSoftware ? "cpu" : "gpu");
  const gpu = await requestDevice(adapter, requiredLimits);
  const fixed = info.subgroupMinSize === info.subgroupMaxSize ? info.subgroupMinSize : 0;
  const subgroupSize = (gpu.features as unknown as ReadonlySet<string>).has("subgroups") ? fixed : 0;
  return new Device(gpu, { info, family, subgroupSize });
}

/** Asks for all wanted features, then for fewer: Deno grants `subgroups` though the adapter does not list it. */
async function requestDevice(adapter: GPUAdapter, requiredLimits: Record<string, number>): Promise<GPUDevice> {
  const listed = WANTED_FEATURES.filter((name) => name !== "subgroups" && adapter.features.has(name));
  const attempts: string[][] = [["subgroups", ...listed], listed, []];
  let last: unknown;
  for (const features of attempts) {
    try {
      return await adapter.requestDevice({ requiredFeatures: features as GPUFeatureName[], requiredLimits });
    } catch (error) {
      last = error;
    }
  }
  throw new DeviceError(`Cannot open a GPU device on "${adapter.info.description}": ${oneLine(String(last))}`);
}
